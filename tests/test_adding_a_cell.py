"""CONTRIBUTING.md's promise: a new cell is one new folder and one line of registration."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

CELLS = {
    "peephole": (
        "PeepholeCell",
        '''
"""An LSTM whose gates see the cell state: i and f see c_{t-1}, o sees c_t (Gers & Schmidhuber 2000)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from models.cells.cell import Cell, Gates, KeepGate, State
from models.cells.nonlinearity import sigmoid, tanh
from models.cells.words import CellWords, GateWords

GATES = {
    "i": GateWords("input gate i", "entry", "nothing new is written into the cell state"),
    "f": GateWords("forget gate f", "keep", "the cell state is overwritten at every step"),
    "g": GateWords("candidate g", "candidate"),
    "o": GateWords("output gate o", "exit", "the cell state is hidden from the output"),
}


@dataclass(frozen=True, eq=False)
class PeepholeCell(Cell):
    words: ClassVar[CellWords] = CellWords("Peephole", "the peephole LSTM", "LSTMs", "#CC79A7", "cross", GATES)
    blocks: ClassVar[tuple[str, ...]] = ("i", "f", "g", "o")
    recurrent_blocks: ClassVar[tuple[str, ...]] = ("i", "f", "g", "o")
    gate_names: ClassVar[tuple[str, ...]] = ("i", "f", "g", "o")
    state_names: ClassVar[tuple[str, ...]] = ("hidden", "cell_state")
    keep_gate: ClassVar[KeepGate | None] = KeepGate("f", written_by="i")

    weight_peephole: Float[Tensor, "3 hidden"]

    @classmethod
    def parameter_shapes(cls, input_size: int, hidden_size: int) -> dict[str, Sequence[int]]:
        return {**super().parameter_shapes(input_size, hidden_size), "weight_peephole": (3, hidden_size)}

    def step(self, x_t: Float[Tensor, "batch input"], state: State) -> tuple[State, Gates]:
        h, c = state
        p_i, p_f, p_o = self.weight_peephole
        a = x_t @ self.weight_ih.T + self.bias_ih + h @ self.weight_hh.T + self.bias_hh
        a_i, a_f, a_g, a_o = a.chunk(4, dim=-1)
        i, f, g = sigmoid(a_i + p_i * c), sigmoid(a_f + p_f * c), tanh(a_g)
        c = f * c + i * g
        o = sigmoid(a_o + p_o * c)
        return (o * tanh(c), c), {"i": i, "f": f, "g": g, "o": o}
''',
    ),
    "vector": (
        "VectorCell",
        '''
"""A recurrence without a matrix: h = relu(W x + b + u⊙h'), each unit reads only its own past (Li et al. 2018)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from models.cells.cell import Cell, Gates, State
from models.cells.words import CellWords


@dataclass(frozen=True, eq=False)
class VectorCell(Cell):
    words: ClassVar[CellWords] = CellWords("Vector", "the vector cell", "Without gates", "#E69F00", "x")
    blocks: ClassVar[tuple[str, ...]] = ("h",)
    recurrent_blocks: ClassVar[tuple[str, ...]] = ()
    gate_names: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def parameter_shapes(cls, input_size: int, hidden_size: int) -> dict[str, Sequence[int]]:
        return {**super().parameter_shapes(input_size, hidden_size), "weight_hh": (hidden_size,)}

    def step(self, x_t: Float[Tensor, "batch input"], state: State) -> tuple[State, Gates]:
        (h,) = state
        return (torch.relu(x_t @ self.weight_ih.T + self.bias_ih + self.bias_hh + self.weight_hh * h),), {}
''',
    ),
}

EXACT = """
import torch
from models import SequenceModel, record

for cell in ("peephole", "vector"):
    model = SequenceModel(cell, 2, 4, 1, num_layers=2, bidirectional=True, dtype=torch.float64)
    inputs = torch.randn(6, 3, 2, dtype=torch.float64)
    trace = record(model, inputs, lambda o: (o**2).sum())
    (model(inputs) ** 2).sum().backward()
    for name, p in model.named_parameters():
        assert torch.allclose(trace.parameter_grads[name], p.grad, rtol=1e-10, atol=1e-12), name
    assert trace.path == "reference"
assert "recurrent.weight_hh_l1_reverse" in trace.parameter_grads
"""

COMMANDS = """
import json
from pathlib import Path
from typer.testing import CliRunner
from experiments.__main__ import app
from experiments.runs.pictures import run_pictures
from experiments.runs.opening import open_run

small = ["seq_len=12", "hidden_size=6", "batch_size=3"]


def call(*words):
    result = CliRunner().invoke(app, [*words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


words = ["cell=peephole,vector", *small, "forget_bias=1", "largest_singular_value=1.1"]
rows = json.loads(call("probe", *words, "--json"))
peephole, vector = rows
assert [row["config"]["cell"] for row in rows] == ["peephole", "vector"]
assert abs(peephole["spectral_norm"] - 1.1) < 1e-6 and peephole["time_constant"] > 1.5
assert vector["spectral_norm"] is None and vector["blocks"] == {} and vector["gates"] == {}
assert vector["paths"] is None and peephole["paths"] is None
assert all(len(row["lyapunov"]["exponents"]) == n for row, n in zip(rows, (12, 6)))
table = call("probe", "cell=peephole,vector", *small)
assert "no matrix" in table
refused = CliRunner().invoke(app, ["probe", "cell=vector", "initialisation=chrono", *small])
assert "it needs a gate that keeps the state, and cell was 'vector'" in str(refused.exception)

for cell in ("peephole", "vector"):
    call("run", f"cell={cell}", *small, "steps=12", "evaluate_size=8", "record_units=none", "--quiet")
    (folder,) = (path.parent for path in Path("runs").glob("*/config.json") if f'"{cell}"' in path.read_text())
    (row,) = json.loads(call("probe", folder.name, "--step", "11", "--json"))
    assert (row["spectral_norm"] is None) == (cell == "vector")
    run = open_run(folder)
    assert ("spectral" in run_pictures([run])) == (cell == "peephole")
"""

EXPLORE = """
from dashboard.explore.panels import PANELS
from dataclasses import replace
from dashboard.explore.settings import Settings
from dashboard.explore.view import record_view

small = replace(Settings(), cells=("peephole", "vector"), seq_len=12.0, hidden_size=5, batch_size=3)
shown = record_view(small)
assert [*shown.probes] == ["peephole", "vector"]
drawn, notes = {}, {}
for name, panel in PANELS.items():
    made = panel(shown)
    drawn[name] = {key: draw() for row in made.rows for key, draw in row.items()}
    notes[name] = made.note
assert drawn["Wave"] and {"jacobians-vector", "jacobians-peephole"} <= set(drawn["Jacobians"]) and drawn["Credit"]
assert set(drawn["Gates"]) == {"gate-saturation", "gates-peephole"}
assert drawn["Spectrum"] and "Vector: This cell has no recurrent matrix" in notes["Spectrum"]
assert not drawn["Paths"] and "Paths need a cell with a gate that keeps its state" in notes["Paths"]
alone = record_view(replace(small, cells=("vector",)))
for name in ("Gates", "Spectrum", "Paths"):
    assert not PANELS[name](alone).rows and PANELS[name](alone).note.endswith(".")
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program with two more cells: a folder and a line each."""
    folder = tmp_path_factory.mktemp("tree")
    for part in ("models", "analysis", "experiments", "dashboard"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    registry = folder / "models" / "cells" / "registry.py"
    text = registry.read_text()
    for name, (kind, source) in CELLS.items():
        (folder / "models" / "cells" / name).mkdir()
        (folder / "models" / "cells" / name / "step.py").write_text(source)
        text = text.replace("CELLS: dict", f"from models.cells.{name}.step import {kind}\n\nCELLS: dict")
        text = text.replace("\n}", f'\n    "{name}": {kind},\n}}')
    registry.write_text(text)
    return folder


@pytest.mark.parametrize("check", [EXACT + COMMANDS, EXPLORE], ids=["commands", "explore"])
def test_a_new_cell_is_one_folder_and_one_line(tree: Path, check: str):
    result = subprocess.run([sys.executable, "-c", check], cwd=tree, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr

"""CONTRIBUTING.md's promise: a new cell is one new file and one line of registration."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

PEEPHOLE = '''
"""A peephole LSTM without biases beyond torch's: i and f see c_{t-1}, o sees c_t (Gers & Schmidhuber 2000)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from models.cells.cell import Cell, Gates, State


@dataclass(frozen=True, eq=False)
class PeepholeCell(Cell):
    blocks: ClassVar[tuple[str, ...]] = ("i", "f", "g", "o")
    gate_names: ClassVar[tuple[str, ...]] = ("i", "f", "g", "o")
    state_names: ClassVar[tuple[str, ...]] = ("hidden", "cell_state")

    weight_peephole: Float[Tensor, "3 hidden"] | None = None

    @classmethod
    def parameter_shapes(cls, input_size: int, hidden_size: int) -> dict[str, Sequence[int]]:
        return {**super().parameter_shapes(input_size, hidden_size), "weight_peephole": (3, hidden_size)}

    def step(self, x_t: Float[Tensor, "batch input"], state: State) -> tuple[State, Gates]:
        h, c = state
        p_i, p_f, p_o = self.weight_peephole
        a = x_t @ self.weight_ih.T + self.bias_ih + h @ self.weight_hh.T + self.bias_hh
        a_i, a_f, a_g, a_o = a.chunk(4, dim=-1)
        i, f, g = torch.sigmoid(a_i + p_i * c), torch.sigmoid(a_f + p_f * c), torch.tanh(a_g)
        c = f * c + i * g
        o = torch.sigmoid(a_o + p_o * c)
        return (o * torch.tanh(c), c), {"i": i, "f": f, "g": g, "o": o}
'''

CHECK = """
import torch
from models import SequenceModel, record

model = SequenceModel("peephole", 2, 4, 1, num_layers=2, bidirectional=True, dtype=torch.float64)
inputs = torch.randn(6, 3, 2, dtype=torch.float64)
trace = record(model, inputs, lambda o: (o**2).sum())
(model(inputs) ** 2).sum().backward()
for name, p in model.named_parameters():
    assert torch.allclose(trace.parameter_grads[name], p.grad, rtol=1e-10, atol=1e-12), name
assert trace.grad_cell is not None and "recurrent.weight_peephole_l1_reverse" in trace.parameter_grads
assert trace.path == "reference"
print("same")
"""


def test_a_new_cell_is_one_file_and_one_line(tmp_path):
    for folder in ("models", "analysis", "experiments"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "models" / "cells" / "peephole.py").write_text(PEEPHOLE)
    registry = tmp_path / "models" / "cells" / "registry.py"
    text = registry.read_text().replace("CELLS: dict", "from models.cells.peephole import PeepholeCell\n\nCELLS: dict")
    registry.write_text(text.replace('    "gru": GRUCell,\n', '    "gru": GRUCell,\n    "peephole": PeepholeCell,\n'))

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)

    result = run("-c", CHECK)
    assert result.stdout == "same\n", result.stderr
    result = run("-m", "experiments", "probe", "cell=peephole,lstm", "seq_len=20", "hidden_size=6", "--json")
    assert result.returncode == 0, result.stderr
    assert [row["config"]["cell"] for row in json.loads(result.stdout)] == ["peephole", "lstm"]

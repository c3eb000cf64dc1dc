"""The probe's figures, on the command line and as JSON, and its one-sentence refusals."""

import csv
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from experiments.__main__ import app, run
from experiments.config.run_config import RunConfig
from experiments.probing.probe import probe
from experiments.probing.summary import summary
from experiments.tasks import TASKS
from experiments.training.build import build
from models.cells.registry import CELLS

ROOT = Path(__file__).resolve().parents[2]


def config(**values: object) -> RunConfig:
    return RunConfig.from_values({"seq_len": 30, "batch_size": 4, "hidden_size": 8, **values})


@pytest.mark.parametrize("task", list(TASKS))
def test_probe_prints_json_for_every_task_and_every_cell(task):
    cells = list(CELLS) if task in ("adding", "copying") else ["elman", "lstm", "gru"]  # a number, and classes
    words = ["probe", f"task={task}", f"cell={','.join(cells)}", "seq_len=20", "hidden_size=8", "--json"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)
    assert [row["config"]["cell"] for row in rows] == cells
    for row in rows:
        assert math.isfinite(row["loss"])
        assert row["chance"] > 0
        assert row["config"]["task"] == task
        if CELLS[row["config"]["cell"]].recurrent_blocks:
            assert row["spectral_norm"] >= row["spectral_radius"] > 0
        else:
            assert row["spectral_norm"] is row["spectral_radius"] is None


def test_probe_prints_a_table_with_every_figure():
    words = ["probe", "cell=elman,lstm,gru", "seq_len=40", "hidden_size=8", "clip_threshold=0.01"]
    result = CliRunner().invoke(app, words, env={"COLUMNS": "200"})
    assert result.exit_code == 0
    for text in (
        "elman",
        "lstm",
        "gru",
        "chance",
        "per step",
        "largest singular value",
        "spectral radius",
        "after clipping",
    ):
        assert text in result.stdout


def test_probe_says_what_is_wrong_below_the_table():
    words = ["cell=elman", "nonlinearity=relu", "largest_singular_value=5", "initialisation=identity", "seq_len=200"]
    out = CliRunner().invoke(app, ["probe", *words]).stdout
    found = [f for f in probe(RunConfig.from_words(words)).findings if f.severity != "note"]
    assert [f.kind for f in found] == ["diverged"]
    assert out.splitlines()[-len(found) :] == [f"elman: {f.title}. {f.evidence}" for f in found]
    assert "h_t is not finite from t = " in out


def test_probe_writes_the_whole_profile_as_csv(tmp_path):
    file = tmp_path / "profile.csv"
    words = ["probe", "cell=elman,gru", "seq_len=12", "hidden_size=4", "num_layers=2", "--csv", str(file)]
    assert CliRunner().invoke(app, words).exit_code == 0
    rows = list(csv.DictReader(file.open()))
    assert len(rows) == 2 * 2 * 12
    result = probe(RunConfig.from_words([*words[2:5], "cell=gru"]))
    last = next(row for row in rows if row["cell"] == "gru" and row["layer"] == "1" and row["t"] == "12")
    assert float(last["log_norm_median"]) == pytest.approx(float(result.profile.median[-1]), abs=1e-12)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["hiden_size=3"], ["hiden_size", "hidden_size"]),
        (["hidden_size=abc"], ["hidden_size", "'abc'", "1 to 4096"]),
        (["seq_len=0"], ["seq_len", "0", "1"]),
        (["cell=transformer"], ["cell", "transformer", "elman"]),
        (["seq_len=100000", "hidden_size=4096"], ["seq_len", "hidden_size", "4 GiB"]),
        (["task=next_character", "text_file=/no/such/file.txt"], ["text_file", "/no/such/file.txt"]),
        (["nothing"], ["nothing", "key=value"]),
        (["cell=elman", "initialisation=chrono"], ["initialisation", "chrono"]),
        (["--csv", "/no/such/folder/x.csv", "seq_len=5"], ["--csv", "/no/such/folder/x.csv"]),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(words, named, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["experiments", "probe", *words])
    with pytest.raises(SystemExit) as ended:
        run()
    said = capsys.readouterr()
    assert ended.value.code == 2
    assert len(said.err.strip().splitlines()) == 1
    for text in named:
        assert text in said.err
    assert said.out == ""


def test_a_mistake_in_a_terminal_is_one_sentence():
    command = [sys.executable, "-m", "experiments", "probe", "seq_len=0"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr.startswith("error: seq_len was 0; it must be")
    assert len(said.stderr.strip().splitlines()) == 1


def test_largest_singular_value_is_what_the_blocks_get():
    for cell in CELLS:
        result = probe(config(cell=cell, largest_singular_value=1.3, num_layers=2))
        for spectrum in result.spectra.values():
            assert spectrum.spectral_norm == pytest.approx(1.3, rel=1e-5)


def test_forget_bias_reaches_the_gate_that_keeps():
    for cell, block in (("lstm", 1), ("gru", 1)):
        recurrent = build(config(cell=cell, forget_bias=3.0)).model.recurrent
        total = (recurrent.bias_ih_l0 + recurrent.bias_hh_l0).detach().split(8)[block]
        assert torch.equal(total, torch.full((8,), 3.0))


def test_the_same_seed_gives_the_same_bits_and_every_cell_the_same_data():
    a, b = probe(config()), probe(config())
    assert torch.equal(a.trace.log_norm, b.trace.log_norm)
    assert torch.equal(a.trace.inputs, probe(config(cell="gru", hidden_size=5)).trace.inputs)
    assert not torch.equal(a.trace.inputs, probe(config(seed=1)).trace.inputs)


def test_exploding_and_diverged_passes_are_summarised_not_raised():
    exploding = config(cell="elman", nonlinearity="identity", seq_len=300, dtype="float64", largest_singular_value=3.0,
                       initialisation="orthogonal", input_scale=0.0)  # fmt: skip
    figures = summary(probe(exploding))
    assert figures["decay_rate"] == pytest.approx(math.log(3), abs=1e-2)
    diverged = config(cell="elman", nonlinearity="relu", seq_len=2000, largest_singular_value=5.0,
                      initialisation="identity")  # fmt: skip
    figures = summary(probe(diverged))
    assert figures["loss"] in ("inf", "nan")
    assert figures["decay_rate"] is None
    assert figures["decay_reason"]
    json.dumps(figures, allow_nan=False)


@pytest.mark.parametrize("cell", list(CELLS))
@pytest.mark.parametrize("task", list(TASKS))
def test_the_smallest_sizes_work(cell, task):
    figures = summary(probe(config(cell=cell, task=task, seq_len=1, batch_size=1, hidden_size=1)))
    assert isinstance(figures["loss"], float)

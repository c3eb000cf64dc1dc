"""Sweeps as a person types them, without a cluster: dry run, comparison, what is wrong in one sentence."""

import csv
import io
import math
import re
import shlex
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from pyarrow import parquet
from typer.testing import CliRunner

from experiments.__main__ import app
from experiments.commands.sweep_commands import MOST_LINES, print_plan
from experiments.config.run_config import ConfigError
from experiments.sweeps.compare import compare
from experiments.sweeps.folder import Failure, SweepFolder, stored_plan, write_failure, write_plan
from experiments.sweeps.index import load_results
from experiments.sweeps.plan import plan_of
from experiments.sweeps.probes import ensure_probe, probe_file, read_probe

SWEEP = """
seeds = 3
[fixed]
hidden_size = 6
batch_size = 4
[axes]
cell = ["elman", "lstm"]
seq_len = [10, 14]
forget_bias = { values = ["none", 1.0], when = { cell = "lstm" } }
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> SweepFolder:
    """Finished, but for one run that failed and one that was never begun."""
    plan = plan_of(SWEEP, "small")
    folder = SweepFolder(tmp_path_factory.mktemp("compare") / "runs", "small")
    write_plan(folder, plan)
    for run in plan.runs[2:]:
        ensure_probe(plan.config(run), folder.runs)
    write_failure(folder, Failure(plan.runs[0].name, "ValueError: no", "", 1, 0.0))
    return folder


def call(*words: str, folder: SweepFolder) -> str:
    result = CliRunner().invoke(app, [*words, "--runs", str(folder.runs)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


ASKED = ("compare", "small", "--rows", "cell", "--columns", "seq_len", "--value", "decay_rate")


def test_a_cell_is_mean_and_standard_deviation_over_the_seeds(folder):
    plan, results = stored_plan(folder), load_results(folder)
    table = compare(results, "cell", "seq_len", "decay_rate")
    assert table.others == ("forget_bias",)
    for (panel, row, column), cell in table.cells.items():
        values = [
            read_probe(probe_file(folder.runs, run.name)).numbers["decay_rate"]
            for run in plan.runs
            if (run.values["cell"], run.values["seq_len"], run.values.get("forget_bias")) == (row, column, panel[0])
            and probe_file(folder.runs, run.name).exists()
        ]
        assert cell.runs == len(values)
        assert cell.mean == pytest.approx(np.mean(values))
        if len(values) > 1:
            assert cell.spread == pytest.approx(np.std(values, ddof=1))
    first = table.cells[(None,), "elman", 10]
    assert (first.runs, first.planned, first.failed) == (1, 3, 1)
    assert math.isnan(first.spread)


def test_the_table_as_text_csv_and_parquet_has_the_same_numbers(folder, tmp_path):
    text = call(*ASKED, "--where", "cell=lstm", folder=folder)
    table = compare(load_results(folder), "cell", "seq_len", "decay_rate")
    assert f"{table.cells[(1.0,), 'lstm', 14].mean:.3g}" in text
    rows = list(csv.DictReader(io.StringIO(call(*ASKED, "--format", "csv", folder=folder))))
    call(*ASKED, "--format", "parquet", "--output", str(tmp_path / "t.parquet"), folder=folder)
    stored = parquet.read_table(tmp_path / "t.parquet").to_pylist()
    assert len(rows) == len(stored) == len(table.cells) == 6
    for row, other, cell in zip(rows, stored, table.cells.values(), strict=True):
        assert float(row["decay_rate_mean"]) == other["decay_rate_mean"] == cell.mean
        assert row["cell"] == other["cell"] == cell.row


@pytest.mark.parametrize("columns", ["80", None])
def test_a_wide_table_is_printed_in_parts_that_are_whole(tmp_path, monkeypatch, columns):
    monkeypatch.delenv("COLUMNS", raising=False) if columns is None else monkeypatch.setenv("COLUMNS", columns)
    plan = plan_of("[axes]\ncell = ['elman', 'lstm']\ngain = { from = 1.05, to = 3.05, count = 21 }", "wide")
    folder = SweepFolder(tmp_path / "runs", "wide")
    write_plan(folder, plan)
    out = call("compare", "wide", "--rows", "cell", "--columns", "gain", "--value", "loss", folder=folder)
    assert "…" not in out
    assert all(f" {run.values['gain']} " in out for run in plan.runs)
    assert out.count("1 without") == 42
    assert columns is None or max(map(len, out.splitlines())) <= 80
    assert out.count("cell \\ gain") == (1 if columns is None else 5)


def test_the_text_says_what_failed(folder):
    assert "(1 failed)" in call(*ASKED, folder=folder)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("compare", "none", *ASKED[2:]), "the sweep was 'none'; it must be one in"),
        ((*ASKED[:3], "seed", *ASKED[4:]), "--rows was 'seed'; it must be an axis of the sweep: cell, seq_len"),
        ((*ASKED[:3], "seq_len", *ASKED[4:]), "were both 'seq_len'"),
        ((*ASKED[:-1], "final_loss"), "--value was 'final_loss'; it must be one of decay_rate"),
        ((*ASKED, "--where", "cell=gru"), "--where cell was 'gru'; it must be one of elman, lstm"),
        ((*ASKED, "--format", "xml"), "--format was 'xml'"),
        ((*ASKED, "--format", "parquet"), "--output is missing"),
        ((*ASKED, "--format", "csv", "--output", "/nowhere/x.csv"), "it must be a file that can be written"),
    ],
)
def test_what_is_wrong_is_one_sentence(folder, words, said):
    with pytest.raises(ConfigError) as error:
        call(*words, folder=folder)
    assert said in str(error.value)
    assert str(error.value).endswith(".")


def test_a_dry_run_prints_the_runs_their_number_time_and_disk_and_runs_none(folder, tmp_path):
    file = tmp_path / "small.toml"
    file.write_text(SWEEP.replace("[10, 14]", "[10, 14, 18]"))
    before = sorted(folder.runs.rglob("*"))
    out = call("sweep", str(file), "--dry-run", folder=folder).splitlines()
    assert sorted(folder.runs.rglob("*")) == before
    assert len(out) == 27 + 2
    assert re.fullmatch(r"[0-9a-f]{12} finished cell=lstm seq_len=10 forget_bias=none seed=0", out[9])
    assert out[-2] == "27 runs: 16 are finished, 1 failed, 10 are left."
    cost = r"They will take (about .*|a second) on \d+ workers once started, and about .* of disk, "
    assert re.fullmatch(cost + r"judging by the times of 16 finished runs .*\.", out[-1])


def test_a_new_sweeps_time_is_measured_on_one_of_its_runs(tmp_path):
    file = tmp_path / "new.toml"
    file.write_text(
        "kind = 'run'\n[fixed]\nseq_len = 5\nhidden_size = 4\nbatch_size = 2\nsteps = 20\n[axes]\ngain = [0.5, 1.0]"
    )
    out = call("sweep", str(file), "--dry-run", folder=SweepFolder(tmp_path / "runs", "new"))
    assert "2 runs: 0 are finished, 2 are left." in out
    assert "timed just now" in out
    assert not (tmp_path / "runs").exists()


def test_the_command_that_goes_on_has_every_option_and_survives_a_shell(tmp_path, monkeypatch):
    (tmp_path / "my sweep.toml").write_text("name = 'x'\n[axes]\nseq_len = [5]")
    report = SimpleNamespace(stopped=False, results=SimpleNamespace(status=np.array([])))
    monkeypatch.setattr("experiments.sweeps.start.start", lambda *given: (report, given[-1]))
    words = [
        "sweep",
        str(tmp_path / "my sweep.toml"),
        "--workers",
        "1",
        "--memory",
        "1GiB",
        "--retry-failed",
        "--quiet",
    ]
    folder = SweepFolder(tmp_path / "my runs", "x")
    assert shlex.split(call(*words, folder=folder)) == [
        "python",
        "-m",
        "experiments",
        *words,
        "--runs",
        str(folder.runs),
    ]


def test_a_sweep_that_cannot_be_built_is_one_sentence_and_no_plan(tmp_path):
    file = tmp_path / "wrong.toml"
    file.write_text("[fixed]\ninitialisation = 'chrono'\ncell = 'elman'\n[axes]\nseq_len = [5, 6]")
    folder = SweepFolder(tmp_path / "runs", "wrong")
    with pytest.raises(ConfigError, match=r"^the sweep's runs cannot be built: initialisation was 'chrono'; it needs"):
        call("sweep", str(file), "--dry-run", folder=folder)
    file.write_text("[fixed]\ninitialisation = 'chrono'\n[axes]\nseq_len = [5]\ncell = ['elman', 'lstm']")
    assert "2 runs: 0 are finished, 2 are left." in call("sweep", str(file), "--dry-run", folder=folder)
    file.write_text("[axes]\nseq_len = [5]")
    out = call("sweep", str(file), "--dry-run", "--workers", "1", folder=folder)
    assert "1 run: 0 are finished, 1 is left." in out
    assert "on 1 worker once started, and" in out
    assert call("sweep", str(file), "--dry-run", "--workers", "1", "--memory", "2GiB", folder=folder) == out
    with pytest.raises(ConfigError, match=r"^--memory was 'much'; it must be a size of at least"):
        call("sweep", str(file), "--dry-run", "--memory", "much", folder=folder)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("runs", [MOST_LINES, MOST_LINES + 1, 300])
def test_a_terminal_shows_a_long_plans_beginning_and_end_and_a_file_has_all(monkeypatch, tmp_path, runs):
    plan = plan_of(f"kind = 'probe'\n[axes]\nseed = {{ from = 1, to = {runs}, step = 1 }}", "long")
    shown = []
    for out in (Terminal(), io.StringIO()):
        monkeypatch.setattr(sys, "stdout", out)
        print_plan(plan, load_results(SweepFolder(tmp_path / "runs", "long"), plan), 2)
        shown.append([line for line in out.getvalue().splitlines() if "seed=" in line or line.startswith("…")])
    short, whole = shown
    assert len(whole) == runs
    assert (short[0], short[-1]) == (whole[0], whole[-1])
    assert len(short) == min(runs, MOST_LINES + 1)
    assert runs <= MOST_LINES or short[-2] == f"… and {runs - MOST_LINES} more …"


def test_a_path_is_no_sweeps_name(tmp_path):
    for name in ("../x", "/etc"):
        with pytest.raises(ConfigError):
            call("compare", name, *ASKED[2:], folder=SweepFolder(tmp_path, "x"))


def test_the_folders_of_sweeps_and_probes_are_no_runs(folder):
    for name in ("sweeps", "probes"):
        with pytest.raises(ConfigError, match="no run in"):
            call("delete", name, "--yes", folder=folder)
    assert Path(folder.path).exists()


def test_a_number_of_workers_is_refused_for_what_applies(tmp_path):
    file = tmp_path / "some.toml"
    file.write_text("[axes]\nseq_len = [5]")
    for words in (["sweep", str(file)], ["recipe", "doya"]):
        for more, sentence in (
            (["0"], r"^--workers was 0; it must be at least 1\.$"),
            (["-1", "--scheduler", "tcp://10.0.0.1:8786"], r"^--workers was -1; it must be at least 1\.$"),
            (["2", "--scheduler", "tcp://10.0.0.1:8786"], r"^--workers was 2, and --scheduler has workers of its own"),
        ):
            with pytest.raises(ConfigError, match=sentence):
                call(*words, "--workers", *more, folder=SweepFolder(tmp_path, "x"))

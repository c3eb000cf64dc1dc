"""run, resume, list, show, export, verify and delete, as a person types them."""

import csv
import io
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from rich.console import Console
from typer.testing import CliRunner

from experiments.__main__ import app
from experiments.config import ConfigError
from experiments.export import FORMS, record_set
from experiments.export_formats import ENDINGS
from experiments.run_commands import ending
from experiments.run_progress import watched
from experiments.run_tables import STATUSES
from experiments.runs import delete_run, find_run, folder_for, list_runs
from experiments.store.errors import RunError
from experiments.store.progress import read_progress, write_progress
from experiments.store.reader import open_run
from experiments.train import Recorder

ROOT = Path(__file__).resolve().parents[2]
WORDS = ["seq_len=8", "hidden_size=6", "batch_size=5", "steps=30", "evaluate_every=10", "evaluate_size=20", "cell=gru"]


@pytest.fixture
def runs(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("GRADIENT_FLOW_RUNS", str(tmp_path / "runs"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs"


@pytest.fixture
def stored(runs, whole) -> Path:
    shutil.copytree(whole.folder, runs / whole.name)
    return runs / whole.name


def call(*words: str) -> str:
    """What the command prints; a refusal is raised."""
    result = CliRunner().invoke(app, [*words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def trained(*words: str) -> str:
    return call("run", *WORDS, *words, "--path", "reference", "--quiet")


def test_run_trains_and_says_how_it_ended(runs):
    out = trained()
    (name,) = (p.name for p in runs.iterdir())
    assert re.match(
        rf"run {name} took all of its 30 steps without solving the task, loss [\d.]+ \(a guess: 0.167\)\.", out
    )
    assert open_run(runs / name).progress.step == 30
    there = rf"^run {name} is there already \(finished\); `python -m experiments show {name}` shows it, --again"
    with pytest.raises(RunError, match=there):
        trained()
    assert f"run {name}-2 took" in trained("--again")


def test_several_runs_train_in_lockstep(runs):
    out = trained("cell=gru,elman", "--against", "clip_threshold=0.1 seed=3")
    assert out.count("took all of its 30 steps") == 3
    assert {r.config.cell for r in list_runs(runs)} == {"gru", "elman"}
    with pytest.raises(ConfigError, match="two of the runs have the same settings"):
        trained("seed=9", "--against", "seed=9")


def test_ctrl_c_keeps_everything_and_says_how_to_resume(runs):
    command = [
        sys.executable,
        "-m",
        "experiments",
        "run",
        *WORDS,
        "steps=1000000",
        "record_every=1000",
        "--path",
        "reference",
    ]
    environment = {**os.environ, "GRADIENT_FLOW_RUNS": str(runs)}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        end = time.monotonic() + 60
        while time.monotonic() < end and not any(s.step for s in list_runs(runs)):
            time.sleep(0.05)
        (summary,) = list_runs(runs)
        assert summary.status == "running"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    now = open_run(runs / summary.name)
    assert re.search(
        rf"run {now.name} stopped after step {now.progress.step}, .*; all of it is kept, "
        rf"`python -m experiments resume {now.name}` goes on\.",
        out.decode(),
    )
    assert now.status == "interrupted"
    assert now.progress.step >= summary.step
    assert len(now.scalars()["step"]) == now.progress.step
    assert b"loss" in err
    assert b"chance" in err


def test_what_is_to_be_typed_names_the_folder_of_runs_and_survives_a_shell(runs, tiny):
    elsewhere = runs.parent / "my runs"
    folder = folder_for(tiny(), elsewhere)
    with Recorder.start(tiny(), folder, "reference") as recorder:
        recorder.turn()
    command = f"python -m experiments resume {folder.name} --runs '{elsewhere}'"
    assert f"`{command}` goes on." in ending(recorder)
    with pytest.raises(RunError, match=re.escape(f"`{command}` goes on with it")):
        folder_for(tiny(), elsewhere)
    assert "took all of its 40 steps" in call(*shlex.split(command)[3:], "--quiet")


@pytest.mark.parametrize("threshold", [0.3, None])
@pytest.mark.parametrize("steps", [40, 10_000_000])
def test_a_line_of_progress_is_whole_at_80_columns(runs, tiny, threshold, steps):
    shown = io.StringIO()
    console = Console(file=shown, width=80, force_terminal=True, color_system=None)
    folder = runs / tiny().identity()
    with Recorder.start(tiny(clip_threshold=threshold, steps=steps), folder, "reference") as recorder:
        with watched([recorder], console) as watch:
            watch(recorder, recorder.turn())
        recorder.end("interrupted", "stopped", "stopped")
    last = shown.getvalue().rstrip("\n\x1b[?25h").splitlines()[-1]
    clipped = "" if threshold is None else r" clipped \d+%"
    assert re.search(rf"{folder.name} .* 1/{steps} loss \S+ \|g\| 10\^\S+{clipped} (\d:\d\d:\d\d|-:--:--)", last), last


def test_resume_goes_on_by_the_beginning_of_the_id(runs, tiny):
    folder = folder_for(tiny(), runs)
    with Recorder.start(tiny(), folder, "reference") as recorder:
        recorder.turn()
    assert "took all of its 40 steps" in call("resume", folder.name[:3], "--quiet")


@pytest.mark.parametrize("words", [["resume", "zzz"], ["show", "../x"], ["verify", "/etc"], ["delete", "a b", "--yes"],
                                   ["export", "zzz"], ["list", "nosuch=1"], ["list", "--sort", "beauty"],
                                   ["run", "cell=tcn"], ["run", "--path", "slow"],
                                   ["run", "--against", "text_file=it's.txt"]])  # fmt: skip
def test_a_mistake_is_one_sentence(runs, words):
    with pytest.raises(ConfigError) as error:
        call(*words)
    assert str(error.value).endswith(".")
    assert "\n" not in str(error.value)


def test_a_mistake_ends_with_status_two(runs):
    done = subprocess.run(
        [sys.executable, "-m", "experiments", "show", "zzz"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert re.fullmatch(r"error: no run in '.*' begins with 'zzz'; .*\.\n", done.stderr)


# the list


def test_list_filters_sorts_and_names_what_cannot_be_read(runs, stored):
    trained("seed=1")
    trained("seed=2")
    (runs / "broken").mkdir()
    (runs / "broken" / "config.json").write_text("{")
    (runs / "broken" / "progress.json").write_text("{")
    (runs / "not-a-run").mkdir()
    (runs / ".hidden").mkdir()
    (runs / "link").symlink_to(stored)
    everything = json.loads(call("list", "--json"))
    assert len(everything) == 4
    assert [r["config"]["seed"] for r in json.loads(call("list", "cell=gru", "--sort", "seed", "--json"))] == [1, 2]
    assert [r["name"] for r in json.loads(call("list", "cell=lstm", "status=finished", "--json"))] == [stored.name]
    assert "'config.json'" in next(r["problem"] for r in everything if r["name"] == "broken")
    table = call("list")
    assert "broken" in table
    assert "30/30" in table


@pytest.mark.parametrize("columns", ["80", "50", None])
def test_the_list_has_whole_ids_and_statuses_at_any_width(runs, stored, monkeypatch, columns):
    monkeypatch.delenv("COLUMNS", raising=False) if columns is None else monkeypatch.setenv("COLUMNS", columns)
    shutil.copytree(stored, runs / f"{stored.name}-12")
    progress = read_progress(runs / f"{stored.name}-12")
    write_progress(runs / f"{stored.name}-12", replace(progress, status="running"))
    (runs / "broken").mkdir()
    for name in ("config.json", "progress.json"):
        (runs / "broken" / name).write_text("{")
    first, *lines, last = call("list").splitlines()
    assert first == f"3 runs in {runs}"
    words = [line.split() for line in lines]
    assert {(line[0], status) for line in words for status in STATUSES if status in line} == {
        (stored.name, "finished"), (f"{stored.name}-12", "interrupted"), ("broken", "unreadable"),
    }  # fmt: skip
    assert last == f"run broken cannot be read: 'config.json' in '{runs / 'broken'}' is not the JSON that was written."
    assert columns is None or max(map(len, lines)) <= int(columns)
    assert ("chance" in words[1]) == (columns != "50")


def test_a_finished_run_is_found_by_the_status_that_the_list_shows(runs, stored):
    progress = read_progress(stored)
    for reason, status in (("steps", "finished"), ("success", "solved"), ("nonfinite", "diverged")):
        write_progress(stored, replace(progress, reason=reason))
        assert status in call("list", f"status={status}")
        assert stored.name in call("list", "status=finished")
        assert call("list", "status=unreadable") == f"0 runs in {runs}\n"
    for loss in (0.5, "inf", "nan"):
        write_progress(stored, replace(progress, latest={"loss": loss}))
        assert stored.name in call("list", f"loss={loss}")
        assert stored.name not in call("list", "loss=0.25")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["status=bogus"], "status was 'bogus'; it must be one of running, paused, finished, interrupted, failed, "),
        (["cell=tcn"], "cell was 'tcn'; it must be elman, lstm or gru."),
        (["step=many"], "step was 'many'; it must be a number."),
        (["--runs", "no/such"], "the folder of runs was 'no/such'; it must be a folder that is there."),
    ],
)
def test_a_filter_that_no_run_can_pass_is_refused(runs, words, said):
    with pytest.raises(ConfigError, match=f"^{said}"):
        call("list", *words)


def test_a_name_is_any_unique_beginning(runs):
    for name in ("abc1", "abc2", "abd1", "abc12"):
        (runs / name).mkdir(parents=True)
    assert find_run(runs, "abd") == runs / "abd1"
    assert find_run(runs, "abc1") == runs / "abc1", "a whole name wins"
    with pytest.raises(RunError, match=r"^'ab' begins 4 runs: abc1, abc12, abc2, abd1; give more of its id"):
        find_run(runs, "ab")
    (runs / "evil").symlink_to("/etc")
    with pytest.raises(RunError, match="symbolic link"):
        find_run(runs, "ev")


def test_show_says_where_a_run_stands(stored):
    shown = json.loads(call("show", stored.name, "--json"))
    assert shown["status"] == "finished (steps)"
    assert shown["settings"]["hidden_size"] == 6
    assert shown["arrays"]["hidden"] == [14, 1, 8, 2, 4]
    assert "step 40: took all its steps" in call("show", stored.name)


def test_show_says_what_it_has_looked_for_and_where_every_checksum_is_compared(stored):
    (stored / "tensors.zarr" / "loss" / "c" / "0").write_bytes(b"nothing")
    shown = json.loads(call("show", stored.name, "--json"))
    assert shown["missing or cut off"] == []
    assert shown["to compare every checksum"] == f"python -m experiments verify {stored.name}"
    (stored / "events.jsonl").write_bytes(b"x" * open_run(stored).progress.events.size)
    assert "the line that begins at byte 0 is not one" in call("show", stored.name)


def test_verify_names_what_is_damaged(stored):
    assert re.match(rf"\d+ files of run {stored.name} .* are whole", call("verify", stored.name))
    (stored / "tensors.zarr" / "loss" / "c" / "0").write_bytes(b"nothing")
    result = CliRunner().invoke(app, ["verify", stored.name])
    assert "tensors.zarr/loss/c/0" in result.stdout
    assert re.fullmatch(
        rf"1 of \d+ files of run {stored.name} is damaged; the others are whole\.", str(result.exception)
    )


def test_delete_asks_and_refuses_what_is_being_written(runs, stored, tiny, monkeypatch):
    with pytest.raises(RunError, match="--yes"):
        call("delete", stored.name)
    assert stored.exists()
    call("delete", stored.name, "--yes")
    assert not list(runs.iterdir())
    with Recorder.start(tiny(), runs / "busy", "reference"), pytest.raises(RunError, match="is being written; stop it"):
        delete_run(runs / "busy")


# exports


def test_every_format_has_an_ending():
    assert list(FORMS) == list(ENDINGS)


def test_csv_and_parquet_hold_every_step(stored):
    truth = open_run(stored).scalars()
    call("export", stored.name, "-o", "a.csv")
    rows = list(csv.DictReader(Path("a.csv").read_text().splitlines()))
    assert [float(row["loss"]) for row in rows] == truth["loss"].tolist()
    assert rows[0]["evaluation_loss"] == ""
    call("export", stored.name, "--format", "parquet")
    from pyarrow import parquet

    table = parquet.read_table(f"{stored.name}.parquet")
    assert table["log_norm_before"].to_pylist() == truth["log_norm_before"].tolist()
    assert json.loads(json.loads(table.schema.metadata[b"config"]))["hidden_size"] == 6


def test_netcdf_holds_every_array(stored):
    run = open_run(stored)
    call("export", stored.name, "--format", "netcdf")
    with xr.open_dataset(f"{stored.name}.nc", engine="scipy") as ds:
        for name in run.tensors:
            assert np.array_equal(ds[name].values, run.tensor(name)[:], equal_nan=True), name
        assert ds.gate.values.tolist() == ["i", "f", "g", "o"]
        assert ds.scalar_loss.values.tolist() == run.scalars()["loss"].tolist()
        assert json.loads(ds.attrs["config"])["hidden_size"] == 6
    assert record_set(run).gates.sel(gate="f").shape == (14, 1, 8, 2, 4)


def test_html_stands_alone_with_its_charts(stored):
    call("export", stored.name, "--format", "html")
    page = Path(f"{stored.name}.html").read_text()
    assert page.count("Plotly.newPlot(") == 5
    assert not re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="http', page)
    assert page.count("<script") < 20
    assert 3e6 < len(page) < 12e6, "plotly.js is in it once"
    assert '"showSendToCloud": false' in page or '"showSendToCloud":false' in page
    assert "took all its steps" in page


def test_html_escapes_what_a_stranger_wrote(runs):
    (runs.parent / "<b>.txt").write_text("abab")
    trained("task=next_character", "text_file=<b>.txt")
    (name,) = (p.name for p in runs.iterdir())
    call("export", name, "--format", "html")
    page = Path(f"{name}.html").read_text()
    assert "&lt;b&gt;.txt" in page
    assert "<b>.txt" not in page


def test_an_export_replaces_nothing_unasked_and_leaves_nothing_half_written(stored, tmp_path):
    Path("a.csv").write_text("mine")
    with pytest.raises(RunError, match=r"^'a\.csv' is there already; --force replaces it\.$"):
        call("export", stored.name, "-o", "a.csv")
    call("export", stored.name, "-o", "a.csv", "--force")
    os.mkfifo("pipe")
    Path("folder").mkdir()
    Path("link").symlink_to("a.csv")
    for name in ("pipe", "folder", "link"):
        with pytest.raises(RunError, match=rf"^'{name}' is no regular file; it must be one, or a name that is free\.$"):
            call("export", stored.name, "-o", name, "--force")
    assert Path("pipe").is_fifo()
    with pytest.raises(RunError, match=r"--format was 'xls'; it must be one of csv, parquet, netcdf, html\.$"):
        call("export", stored.name, "--format", "xls")
    with pytest.raises(RunError, match=r"^the folder 'no/such' is not there, so nothing can be exported to it\.$"):
        call("export", stored.name, "-o", "no/such/a.csv")
    assert not [p.name for p in tmp_path.iterdir() if p.name.endswith(".partial")]


def test_the_cost_of_recording_can_be_measured():
    from experiments import benchmark_recording as b

    measured = b.cost("elman", turns=1, turn=2)
    assert measured.milliseconds > 0
    assert set(measured.shares) == set(b.LIMITS)

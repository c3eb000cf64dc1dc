"""run, resume, show, verify and delete, as a person types them."""

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
from pathlib import Path

import pytest
from commanding import WORDS, call, trained
from rich.console import Console
from typer.testing import CliRunner

from experiments.__main__ import app
from experiments.commands.run_commands import announce_compiling, ending
from experiments.commands.run_progress import watched
from experiments.config.run_config import ConfigError
from experiments.runs.folder import delete_run, find_run, folder_for, list_runs
from experiments.runs.opening import open_run
from experiments.runs.store.errors import RunError
from experiments.runs.train import Recorder

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.usefixtures("in_own_folder")


def test_run_trains_and_says_how_it_ended(runs):
    out = trained()
    (name,) = (p.name for p in runs.iterdir())
    assert re.match(
        rf"run {name} took all of its 30 steps without solving the task, loss [\d.]+ \(a guess: 0.167\)\.", out
    )
    assert open_run(runs / name).progress.step == 30
    there = rf"^run {name} already exists \(finished\); `python -m experiments show {name}` shows it\. Add --again"
    with pytest.raises(RunError, match=there):
        trained()
    assert f"run {name}-2 took" in trained("--again")


@pytest.mark.parametrize(("is_there", "said"), [(False, "compiling lstm for this processor, once"), (True, "")])
def test_a_first_run_says_that_it_compiles(monkeypatch, tiny, is_there, said):
    monkeypatch.setattr("models.bptt.compiled.choose.is_cached", lambda *_: is_there)
    console = Console(file=io.StringIO(), width=100)
    announce_compiling([tiny(), tiny(seed=2)], console)
    assert console.file.getvalue().startswith(said)
    assert bool(console.file.getvalue()) == bool(said)


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
        rf"run {now.name} stopped after step {now.progress.step}, .*; everything is kept\. "
        rf"Continue with `python -m experiments resume {now.name}`\.",
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
    with Recorder.start(tiny(), folder) as recorder:
        recorder.turn()
    command = f"python -m experiments resume {folder.name} --runs '{elsewhere}'"
    assert f"Continue with `{command}`." in ending(recorder)
    with pytest.raises(RunError, match=re.escape(f"`{command}` goes on with it")):
        folder_for(tiny(), elsewhere)
    assert "took all of its 40 steps" in call(*shlex.split(command)[3:], "--quiet")


@pytest.mark.parametrize("threshold", [0.3, None])
@pytest.mark.parametrize("steps", [40, 10_000_000])
def test_a_line_of_progress_is_whole_at_80_columns(runs, tiny, threshold, steps):
    shown = io.StringIO()
    console = Console(file=shown, width=80, force_terminal=True, color_system=None)
    folder = runs / tiny().identity()
    with Recorder.start(tiny(clip_threshold=threshold, steps=steps), folder) as recorder:
        with watched([recorder], console) as watch:
            watch(recorder, recorder.turn())
        recorder.end("interrupted", "stopped", "stopped")
    last = shown.getvalue().rstrip("\n\x1b[?25h").splitlines()[-1]
    clipped = "" if threshold is None else r" clipped \d+%"
    assert re.search(rf"{folder.name} .* 1/{steps} loss \S+ \|g\| 10\^\S+{clipped} (\d:\d\d:\d\d|-:--:--)", last), last


def test_resume_goes_on_by_the_beginning_of_the_id(runs, tiny):
    folder = folder_for(tiny(), runs)
    with Recorder.start(tiny(), folder) as recorder:
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


def test_two_runs_are_too_many_for_probe(stored):
    name = stored.name
    with pytest.raises(ConfigError, match=rf"^the runs were {name}, {name}; `probe` takes one"):
        call("probe", name, name)


def test_a_mistake_ends_with_status_two(runs):
    done = subprocess.run(
        [sys.executable, "-m", "experiments", "show", "zzz"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert re.fullmatch(r"error: no run in '.*' begins with 'zzz'; .*\.\n", done.stderr)


# the list


def test_a_name_is_any_unique_beginning(runs):
    for name in ("abc1", "abc2", "abd1", "abc12"):
        (runs / name).mkdir(parents=True)
    assert find_run(runs, "abd") == runs / "abd1"
    assert find_run(runs, "abc1") == runs / "abc1", "a whole name wins"
    with pytest.raises(RunError, match=r"^'ab' matches 4 runs: abc1, abc12, abc2, abd1; type more of the id"):
        find_run(runs, "ab")
    (runs / "evil").symlink_to("/etc")
    with pytest.raises(RunError, match="symbolic link"):
        find_run(runs, "ev")


def test_show_says_where_a_run_stands(stored):
    shown = json.loads(call("show", stored.name, "--json"))
    assert shown["status"] == "finished"
    assert shown["settings"]["hidden_size"] == 6
    assert shown["arrays"]["hidden"] == [14, 1, 8, 2, 4]
    assert "step 40: took all its steps" in call("show", stored.name)


def test_show_says_what_it_has_looked_for_and_where_every_checksum_is_compared(stored):
    (stored / "tensors.zarr" / "loss" / "c" / "0").write_bytes(b"nothing")
    shown = json.loads(call("show", stored.name, "--json"))
    assert shown["missing or cut off"] == []
    assert shown["to compare every checksum"] == f"python -m experiments verify {stored.name}"
    (stored / "events.jsonl").write_bytes(b"x" * open_run(stored).progress.events.size)
    assert "the line that begins at byte 0 was not written by this program" in call("show", stored.name)


def test_verify_names_what_is_damaged(stored):
    assert re.match(rf"\d+ files of run {stored.name} .* are whole", call("verify", stored.name))
    (stored / "tensors.zarr" / "loss" / "c" / "0").write_bytes(b"nothing")
    result = CliRunner().invoke(app, ["verify", stored.name])
    assert "tensors.zarr/loss/c/0" in result.stdout
    assert re.fullmatch(
        rf"1 of \d+ files of run {stored.name} is damaged or missing; the others are whole\.", str(result.exception)
    )


def test_show_and_verify_say_that_all_arrays_are_missing(stored):
    (count,) = re.findall(r"^\d+", call("verify", stored.name))
    shutil.rmtree(stored / "tensors.zarr")
    said = call("show", stored.name)
    assert "\narrays: none\n" in said
    assert "\nmissing or cut off: \n  'tensors.zarr' is missing, and with it all recorded arrays.\n" in said
    result = CliRunner().invoke(app, ["verify", stored.name])
    damaged, files = re.findall(r"^(\d+) of (\d+) files", str(result.exception))[0]
    assert files == count
    assert int(damaged) == int(files) - 5, "all but the settings, the progress, the checkpoint and two files of lines"


def test_delete_asks_and_refuses_what_is_being_written(runs, stored, tiny):
    with pytest.raises(RunError, match="--yes"):
        call("delete", stored.name)
    assert stored.exists()
    call("delete", stored.name, "--yes")
    assert not list(runs.iterdir())
    with Recorder.start(tiny(), runs / "busy"), pytest.raises(RunError, match="is being written; stop it"):
        delete_run(runs / "busy")


def test_a_run_that_is_named_twice_is_resumed_not_at_all(stored):
    said = rf"^run {stored.name} was named 2 times; name each run once\.$"
    with pytest.raises(RunError, match=said):
        call("resume", stored.name, stored.name[:5])
    assert not (stored / "lease.json").exists()


# exports


def test_the_cost_of_recording_can_be_measured():
    from experiments.benchmarks import recording as b

    measured = b.cost("elman", turns=1, turn=2)
    assert measured.milliseconds > 0
    assert set(measured.shares) == set(b.LIMITS)

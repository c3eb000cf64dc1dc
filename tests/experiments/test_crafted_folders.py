"""Folders of strangers by the hundred: every reader gives one sentence, or works, in bounded time and memory.

A few are tried in the suite; all of them, which takes some minutes, with

    CRAFTED_FOLDERS=300 .venv/bin/python -m pytest tests/experiments/test_crafted_folders.py
"""

import os
import resource
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

import pytest
import torch
from crafted import craft
from watching import Translator, train_watched

from experiments.errors import ConfigError
from experiments.probing.watched import recorded_passes
from experiments.runs.control import change_control
from experiments.runs.export import FORMS, export
from experiments.runs.folder import clean, delete_run, list_runs
from experiments.runs.lockstep import close, resume_together
from experiments.runs.opening import open_run
from experiments.runs.pictures import run_pictures
from experiments.runs.step_profiles import profile_at, profiles, step_picture
from experiments.runs.store.reader import dumps
from experiments.runs.tables import as_json, shown
from experiments.runs.verify import verify
from experiments.sweeps.index import read_entry

pytestmark = pytest.mark.processes

COUNT = int(os.environ.get("CRAFTED_FOLDERS", "0")) or 14
WHOLE = COUNT > 100
SECONDS = 20
MIB = 400
"""That the process may grow by, all folders together."""


@contextmanager
def within(seconds: int) -> Iterator[None]:
    """A TimeoutError where it takes longer, even in a system call that waits."""

    def late(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"more than {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def resume(folder: Path) -> None:
    recorders = resume_together([folder])
    try:
        for recorder in recorders:
            recorder.turn()
            recorder.turn()
            recorder.commit()
    finally:
        close(recorders)


def look_at_a_step(folder: Path) -> None:
    run = open_run(folder)
    found = profiles(run)
    p = profile_at(run, len(run.tensor("step")) - 1)
    step_picture(run, p, found.amongs[-1])
    for made in recorded_passes(run):
        assert made.profile.median.size


def listed(folder: Path) -> None:
    summaries = list_runs(folder.parent)
    assert {s.name for s in summaries} >= {"sound"}, "one bad folder hides the others"
    assert next(s for s in summaries if s.name == "sound").problem is None
    assert "\x1b" not in dumps(as_json(summaries, {}, "loss"))


def readers(target: Path) -> dict[str, Callable[[Path], object]]:
    """What is done with a folder, in this order; exports only when all folders are tried, as they take the time."""
    forms = {form: lambda folder, form=form: export(open_run(folder), form, target, True) for form in FORMS}
    return {
        "list": listed,
        "show": lambda folder: dumps(shown(open_run(folder))),
        **(forms if WHOLE else {form: forms[form] for form in ("csv", "netcdf")}),
        "verify": verify,
        "charts": lambda folder: run_pictures([open_run(folder)]),
        "step": look_at_a_step,
        "compare": lambda folder: read_entry(folder, "run", os.lstat(folder)),
        "steer": lambda folder: change_control(folder, pause=False),
        "resume": resume,
        "after": lambda folder: dumps(shown(open_run(folder))),
        "clean": lambda folder: clean(folder.parent, folder.parent),
        "delete": delete_run,
    }


def peak() -> int:
    """MiB that this process has had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 2**10


@pytest.fixture
def watched(tmp_path) -> Path:
    """The run of somebody's own training, of two modules, that was killed before its end."""
    torch.manual_seed(0)
    network = Translator()
    x, y = torch.randn(6, 3, 3), torch.randn(4, 3, 2)
    run, _ = train_watched(network, [lambda: network(x, y).square().mean()] * 6, tmp_path / "runs" / "watched")
    return run.folder


@pytest.mark.timeout(3000 if WHOLE else 120)
@pytest.mark.parametrize("kind", ["halfway", "watched"])
def test_every_reader_works_or_says_what_is_wrong(kind, request, tmp_path):
    base = request.getfixturevalue(kind)
    runs, outside = tmp_path / "theirs", tmp_path / "outside"
    outside.write_text('{"secret": 1}\n')
    shutil.copytree(base, runs / "sound")
    for read in readers(tmp_path / "out").values():  # what libraries take for good is not the folders' doing
        shutil.copytree(base, runs / "warm", dirs_exist_ok=True)
        with suppress(ConfigError):  # only its own program goes on with a watched training
            read(runs / "warm")
    before, wrong = peak(), []
    for seed in range(COUNT if kind == "halfway" or WHOLE else COUNT // 2):
        folder = runs / f"crafted{seed}"
        how = craft(base, folder, outside, seed)
        for name, read in readers(tmp_path / "out").items():
            try:
                with within(SECONDS):
                    read(folder)
            except ConfigError as error:
                said = str(error)
                if "\n" in said or "\x1b" in said or len(said) > 2000 or not said.endswith("."):
                    wrong.append(f"{seed} ({how}), {name}: not a sentence: {said[:300]!r}")
            except Exception as error:
                wrong.append(f"{seed} ({how}), {name}: {type(error).__name__}: {str(error)[:200]}")
        if outside.read_text() != '{"secret": 1}\n':
            wrong.append(f"{seed} ({how}): a file outside was changed")
            outside.write_text('{"secret": 1}\n')
        if peak() - before > MIB:
            wrong.append(f"{seed} ({how}): {peak() - before} MiB")
            before = peak()
        shutil.rmtree(folder, ignore_errors=True)
    assert not wrong, "\n" + "\n".join(wrong)

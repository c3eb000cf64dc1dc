"""What kills leave behind: the next start or `clean` takes it away, never anything of a process that lives."""

import multiprocessing
import os
import shutil
import signal
import threading
from pathlib import Path

import pytest
from commanding import WORDS, call
from typer.testing import CliRunner

from experiments.__main__ import app
from experiments.config.run_config import RunConfig
from experiments.runs import lockstep
from experiments.runs.export import FORMS, export
from experiments.runs.folder import clean, delete_run, list_runs
from experiments.runs.lockstep import close, resume_together, start_together
from experiments.runs.opening import open_run
from experiments.runs.recorder import Recorder
from experiments.runs.store import create, writer
from experiments.runs.store.errors import RunInUseError
from experiments.runs.store.lease import Lease
from experiments.runs.store.leftovers import DELETED, hidden_beside
from experiments.runs.train import train
from experiments.runs.verify import verify

pytestmark = pytest.mark.processes


def die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def killed(what: str, folder: Path, config: RunConfig) -> None:
    """Begin something with a run, and be killed in the midst of it."""
    if what == "start":
        create.take_name = die
        Recorder.start(config, folder.with_name("new"))
    if what == "delete":
        shutil.rmtree = die
        delete_run(folder)
    if what == "export":
        FORMS["csv"] = lambda run, path: (path.write_text("half"), die())
        export(open_run(folder), "csv", Path("out.csv"))
    if what == "commit":
        writer.write_progress = die
        recorder = Recorder.resume(folder)
        recorder.turn()
        (folder / "control.json.1234abcd.partial").touch()
        recorder.commit()


@pytest.mark.parametrize("what", ["start", "delete", "export", "commit"])
def test_what_a_kill_leaves_is_cleaned_and_nothing_else(what, halfway, in_own_folder, tmp_path, tiny):
    child = multiprocessing.get_context("fork").Process(target=killed, args=(what, halfway, tiny()))
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    kept = {path for path in tmp_path.rglob("*") if not any(".partial" in p or ".deleted" in p for p in path.parts)}
    left = [path for path in tmp_path.rglob("*") if path.name.endswith((".partial", DELETED))]
    assert left
    mine = hidden_beside(halfway.parent / "being-made")
    mine.mkdir()
    said = call("clean")
    assert said.endswith("1 leftover deleted.\n")
    assert not [path for path in left if path.exists()]
    assert mine.exists(), "its maker lives"
    assert all(path.exists() or path.name == "lease.json" for path in kept)
    assert call("clean") == "0 leftovers deleted.\n"


def test_the_next_start_and_the_next_export_take_leftovers_away(halfway, tmp_path, tiny):
    gone = [tmp_path / ".out.csv.1.partial", tmp_path / ".x.deadbeef-1-1-deadbeef.partial"]
    for path in gone:
        path.touch()
        os.utime(path, (0, 0))
    left = halfway.parent / ".run.deadbeef-1-1-deadbeef.partial"
    left.mkdir()
    os.utime(left, (0, 0))
    export(open_run(halfway), "csv", tmp_path / "out.csv")
    Recorder.start(tiny(), halfway.parent / "new").close()
    assert [path.exists() for path in gone] == [True, False], "a name that is not ours is left alone"
    assert not left.exists()


def test_a_run_that_lives_is_not_cleaned(halfway):
    lease = Lease.acquire(halfway)
    (halfway / "progress.json.0123abcd.partial").touch()
    assert clean(halfway.parent, halfway.parent) == []
    lease.release()
    assert len(clean(halfway.parent, halfway.parent)) == 1


def test_deleting_a_run_leaves_nothing(halfway):
    delete_run(halfway)
    assert list(halfway.parent.iterdir()) == []


def test_nobody_begins_to_write_a_run_that_is_being_deleted(halfway, monkeypatch):
    """The lease is taken before the run loses its name, and not only looked at."""
    real, refused = Path.rename, []

    def rename(path: Path, target: Path) -> Path:
        with pytest.raises(RunInUseError):
            Lease.acquire(path)
        refused.append(path)
        return real(path, target)

    monkeypatch.setattr(Path, "rename", rename)
    delete_run(halfway)
    assert refused == [halfway]
    assert list(halfway.parent.iterdir()) == []


def test_clean_goes_through_no_linked_folder(tmp_path):
    """What lies in a stranger's folder is not ours to delete, however it is named."""
    theirs = tmp_path / "theirs" / "sweep" / "part"
    theirs.mkdir(parents=True)
    left = [folder / ".x.deadbeef-1-1-deadbeef.partial" for folder in (theirs, theirs.parent, theirs.parent.parent)]
    for path in left:
        path.touch()
        os.utime(path, (0, 0))
    for name in ("sweeps", "probes"):
        (tmp_path / "runs" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "runs" / name).symlink_to(tmp_path / "theirs")
    assert clean(tmp_path / "runs", tmp_path) == []
    assert all(path.exists() for path in left)


# a pair


def test_a_pair_killed_between_its_two_creations_resumes_as_a_pair(tmp_path, tiny, monkeypatch):
    configs, made = [tiny(), tiny(clip_threshold=None)], []
    real = Recorder.start

    def die_at_the_second(*arguments: object, **named: object) -> Recorder:
        if made:
            raise KeyboardInterrupt
        made.append(real(*arguments, **named))
        return made[0]

    monkeypatch.setattr(lockstep.Recorder, "start", die_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        start_together(configs, tmp_path)
    monkeypatch.setattr(lockstep.Recorder, "start", real)
    (first,) = list_runs(tmp_path)
    recorders = resume_together([first.folder])
    assert [recorder.training.config for recorder in recorders] == configs
    train(recorders)
    assert {(run.config, run.step) for run in list_runs(tmp_path)} == {(config, 40) for config in configs}


def test_a_lane_that_was_deleted_stays_deleted(tmp_path, tiny):
    recorders = start_together([tiny(), tiny(clip_threshold=None)], tmp_path)
    for recorder in recorders:
        recorder.turn()
        recorder.commit()
    close(recorders)
    delete_run(recorders[1].folder)
    resumed = resume_together([recorders[0].folder])
    close(resumed)
    assert len(resumed) == len(list_runs(tmp_path)) == 1


# at once


def test_three_that_run_the_same_settings_again_at_once_all_start(tmp_path, tiny, monkeypatch):
    Recorder.start(tiny(), tmp_path / tiny().identity()).close()
    together, real = threading.Barrier(3), create.take_name

    def all_at_once(unborn: Path, folder: Path) -> None:
        if folder.name.endswith("-2"):
            together.wait(20)
        real(unborn, folder)

    monkeypatch.setattr(create, "take_name", all_at_once)
    made: list[Recorder] = []
    threads = [threading.Thread(target=lambda: made.extend(start_together([tiny()], tmp_path, True))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    close(made)
    name = tiny().identity()
    assert sorted(recorder.folder.name for recorder in made) == [f"{name}-2", f"{name}-3", f"{name}-4"]


def test_the_same_settings_without_again_are_refused_in_a_sentence(in_own_folder):
    call("run", *WORDS, "--quiet")
    result = CliRunner().invoke(app, ["run", *WORDS])
    assert "--again" in str(result.exception)


# verify


def committing(folder: Path) -> None:
    with Recorder.resume(folder) as recorder:
        while not recorder.ended:
            recorder.turn()
            recorder.commit()


def test_verify_of_a_run_that_goes_on_gives_no_false_alarm(tmp_path, tiny):
    folder = tmp_path / "runs" / "going"
    Recorder.start(tiny(steps=400, record_every=1, evaluate_every=None), folder).close()
    child = multiprocessing.get_context("fork").Process(target=committing, args=(folder,))
    child.start()
    looked = 0
    while child.is_alive() and looked < 300:
        assert verify(folder).problems == ()
        looked += 1
    child.kill()
    child.join()
    assert looked > 20

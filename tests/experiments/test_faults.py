"""A run folder whose disk refuses, or that two processes want: one sentence each, and nothing committed is lost."""

import errno
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import orjson
import pytest
from kill_training import read_all, same
from one_sentence import one_sentence

from experiments.runs.opening import open_run
from experiments.runs.store import create, files, lease
from experiments.runs.store.errors import RecordingError, RunInUseError
from experiments.runs.store.lease import Holder, Lease, is_held, me
from experiments.runs.train import Recorder, train

pytestmark = pytest.mark.processes

# the disk


def two_steps(recorder: Recorder) -> None:
    """Two steps, a commit, and the last commit of a run that is closed."""
    with recorder:
        recorder.turn()
        recorder.turn()
        recorder.commit()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_disk_that_refuses_loses_nothing_committed(halfway, trained, tmp_path, monkeypatch, number):
    """It refuses the 1st, 2nd, 3rd, … write of a commit in turn."""
    truth, real, left = trained(tmp_path / "truth", record_every=1, record_units=None), files.write_bytes, [0]

    def write_until_full(path: Path, content: bytes) -> None:
        left[0] -= 1
        if left[0] < 0:
            with path.open("wb") as file:
                file.write(content[: len(content) // 2])  # a full disk keeps a part
            raise OSError(number, os.strerror(number))
        real(path, content)

    for allowed in range(0, 22, 3):
        recorder = Recorder.resume(halfway)
        before = open_run(halfway).progress
        monkeypatch.setattr(files, "write_bytes", write_until_full)
        left[0] = allowed
        with pytest.raises(RecordingError) as error:
            two_steps(recorder)
        monkeypatch.setattr(files, "write_bytes", real)
        assert os.strerror(number).lower() in one_sentence(error)
        now = open_run(halfway).progress
        assert f"everything up to step {now.step} is kept" in one_sentence(error)
        assert now == before or (now.step == before.step + 2 and allowed >= 18), "enough for a whole commit"
        assert open_run(halfway).status == "interrupted"
    train([Recorder.resume(halfway)])
    same(read_all(open_run(halfway), 0), read_all(truth, 0))


def test_a_run_whose_name_cannot_be_settled_on_the_disk_is_held_by_nobody(tiny, tmp_path, monkeypatch):
    """A worker lives on after it: the run must be free for the next attempt."""

    def refuse(folders: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as disk:
        disk.setattr(create, "synchronise", refuse)
        with pytest.raises(RecordingError):
            Recorder.start(tiny(), tmp_path / "run")
    assert not is_held(tmp_path / "run")
    train([Recorder.resume(tmp_path / "run")])
    assert open_run(tmp_path / "run").status == "finished"


def test_a_full_disk_under_the_lines_is_cut_off_at_resuming(halfway):
    with (halfway / "scalars.jsonl").open("ab") as file:
        file.write(b'{"step": 13, "lo')
    assert open_run(halfway).scalars()["step"][-1] == 12
    train([Recorder.resume(halfway)])
    assert open_run(halfway).scalars()["step"].tolist() == list(range(1, 41))


def test_a_read_only_folder_is_refused_and_can_be_read(halfway, monkeypatch, tiny, tmp_path):
    def refuse(path: Path, content: bytes) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    for module in (files, lease):
        monkeypatch.setattr(module, "write_bytes", refuse)
    with pytest.raises(RecordingError, match=r"read-only file system\); what it has is kept\.$"):
        Recorder.resume(halfway)
    with pytest.raises(RecordingError, match="read-only file system"):
        Recorder.start(tiny(), tmp_path / "runs" / "new")
    assert not (tmp_path / "runs" / "new").exists()
    assert len(open_run(halfway).tensor("step")) == 12


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_refused(halfway):
    halfway.chmod(0o500)
    try:
        with pytest.raises(RecordingError, match="permission denied"):
            Recorder.resume(halfway)
    finally:
        halfway.chmod(0o700)


# two writers


def test_a_second_writer_is_refused_while_the_first_lives(tmp_path, tiny):
    folder = tmp_path / "run"
    with Recorder.start(tiny(), folder) as recorder:
        recorder.turn()
        with pytest.raises(RunInUseError, match=rf"^run run is being written by process {os.getpid()} on "):
            Recorder.resume(folder)
        assert recorder.turn() is not None
    assert not is_held(folder)


def test_a_second_process_is_refused_and_takes_over_when_the_first_was_killed(halfway):
    code = (
        "import sys, time; from pathlib import Path; from experiments.runs.store.lease import Lease\n"
        f"Lease.acquire(Path({str(halfway)!r})); print('held', flush=True); time.sleep(60)"
    )
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen([sys.executable, "-c", code], cwd=root, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(RunInUseError, match=f"process {process.pid} "):
            Recorder.resume(halfway)
        process.kill()
    train([Recorder.resume(halfway)])
    assert open_run(halfway).status == "finished"


def hold(folder: Path, **changes: object) -> None:
    (folder / "lease.json").write_bytes(orjson.dumps(asdict(me()) | changes))


def test_a_lease_of_another_host_is_stale_after_a_minute_without_a_heartbeat(halfway):
    hold(halfway, host="elsewhere", pid=1)
    assert is_held(halfway)
    with pytest.raises(RunInUseError, match="on elsewhere"):
        Lease.acquire(halfway)
    os.utime(halfway / "lease.json", (0, 0))
    assert not is_held(halfway)
    Lease.acquire(halfway).release()


def test_a_pid_that_was_used_again_holds_nothing(halfway):
    hold(halfway, born=12345)
    assert not is_held(halfway)


def test_who_was_taken_over_writes_no_more(halfway):
    recorder = Recorder.resume(halfway)
    before = open_run(halfway).progress
    recorder.turn()
    other = Holder(1, "elsewhere", 0, "other", 0.0)
    (halfway / "lease.json").write_bytes(orjson.dumps(asdict(other)))
    with pytest.raises(RunInUseError, match="taken over"), recorder:
        recorder.commit()
    assert open_run(halfway).progress == before
    assert (halfway / "lease.json").exists(), "the other's lease is not ours to give back"

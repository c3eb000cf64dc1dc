"""What can happen to a run folder: each fault is one sentence, and nothing that was committed is lost."""

import errno
import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import orjson
import pytest
from kill_training import read_all, same

from experiments.store import files, lease
from experiments.store.errors import DamagedRunError, ForeignRunError, RecordingError, RunInUseError
from experiments.store.lease import Holder, Lease, is_held, me
from experiments.store.reader import open_run
from experiments.store.verify import verify
from experiments.train import Recorder, train


def one_sentence(error: pytest.ExceptionInfo) -> str:
    message = str(error.value)
    assert message.endswith(".")
    assert "\n" not in message
    return message


@pytest.fixture
def copied(whole, tmp_path) -> Path:
    """A run that may be damaged."""
    folder = tmp_path / "runs" / whole.name
    shutil.copytree(whole.folder, folder)
    return folder


@pytest.fixture
def halfway(tmp_path, tiny) -> Path:
    """A run that was stopped after 12 of its steps."""
    folder = tmp_path / "runs" / "halfway"
    with Recorder.start(tiny(record_every=1), folder, "reference") as recorder:
        for _ in range(12):
            recorder.turn()
    return folder


def chunk_of(folder: Path, name: str) -> Path:
    return next(path for path in (folder / "tensors.zarr" / name / "c").rglob("*") if path.is_file())


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
    truth, real, left = trained(tmp_path / "truth", record_every=1), files.write_bytes, [0]

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
        Recorder.start(tiny(), tmp_path / "runs" / "new", "reference")
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
    with Recorder.start(tiny(), folder, "reference") as recorder:
        recorder.turn()
        with pytest.raises(RunInUseError, match=rf"^run run is being written by process {os.getpid()} on "):
            Recorder.resume(folder)
        assert recorder.turn() is not None
    assert not is_held(folder)


def test_a_second_process_is_refused_and_takes_over_when_the_first_was_killed(halfway):
    code = (
        "import sys, time; from pathlib import Path; from experiments.store.lease import Lease\n"
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


# damage


def test_a_damaged_chunk_is_named_and_the_others_can_be_read(copied):
    chunk = chunk_of(copied, "gates")
    content = bytearray(chunk.read_bytes())
    content[7] ^= 4
    chunk.write_bytes(content)
    run = open_run(copied)
    with pytest.raises(DamagedRunError, match=r"'tensors.zarr/gates/c/0/0/0/0/0/0' in .* is damaged") as error:
        run.tensor("gates")[3]
    one_sentence(error)
    assert np.isfinite(run.tensor("hidden")[3]).all()
    problems = verify(copied).problems
    assert len(problems) == 1
    assert "tensors.zarr/gates/c/0" in problems[0]


@pytest.mark.parametrize(
    ("file", "named"),
    [
        ("scalars.jsonl", "scalars.jsonl"),
        ("events.jsonl", "events.jsonl"),
        ("tensors.zarr/loss", "tensors.zarr/loss"),
        ("tensors.zarr/loss/c/0", "tensors.zarr/loss/c/0"),
        ("checkpoints", "checkpoints/step-00000040"),
    ],
)
def test_what_is_missing_is_named(copied, file, named):
    path = copied / file
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    (problem,) = verify(copied).problems
    assert named in problem


def test_every_byte_of_a_small_run_is_under_a_checksum(copied):
    """A bit of each file is turned; verify names that file, or refuses the run."""
    committed = [p for p in copied.rglob("*") if p.is_file() and not p.name.startswith(("lease", "control"))]
    for path in committed:
        if path.stat().st_size == 0 or path == copied / "tensors.zarr" / "zarr.json":
            continue  # names along axes: no number depends on them
        content = path.read_bytes()
        k = len(content) // 2
        path.write_bytes(content[:k] + bytes([content[k] ^ 1]) + content[k + 1 :])
        try:
            problems = " ".join(verify(copied).problems)
        except (DamagedRunError, ForeignRunError) as error:
            problems = str(error)
        assert str(path.relative_to(copied)) in problems, path
        path.write_bytes(content)
    assert verify(copied).problems == ()


def test_truncated_scalars_are_named_and_the_rest_can_be_read(halfway):
    path = halfway / "scalars.jsonl"
    size = path.stat().st_size
    os.truncate(path, size - 30)
    run = open_run(halfway)
    assert run.damage() == [f"'scalars.jsonl' has {size - 30} of its {size} committed bytes."]
    with pytest.raises(DamagedRunError, match=r"it was cut off\.$") as error:
        run.scalars()
    one_sentence(error)
    assert run.whole_scalars()["step"].tolist() == list(range(1, 12))
    assert len(run.tensor("loss")[:]) == 12
    with pytest.raises(DamagedRunError, match="so the run cannot be resumed; what it has can be read"):
        Recorder.resume(halfway)
    assert path.stat().st_size == size - 30, "a refused resume changes nothing"
    assert not is_held(halfway)


def test_a_damaged_checkpoint_cannot_be_resumed_and_leaves_the_records(halfway):
    (path,) = (halfway / "checkpoints").iterdir()
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DamagedRunError, match=r"cannot be resumed; its records can be read\.$"):
        Recorder.resume(halfway)
    assert open_run(halfway).scalars()["step"][-1] == 12


# folders of others


def touch_all(folder: Path) -> None:
    """Read every part of a run, and resume it."""
    run = open_run(folder)
    run.scalars()
    run.tensor("loss")[:]
    Recorder.resume(folder)


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    for content in ({}, {"config.json": "{}"}, {"config.json": "{}", "progress.json": "[]"}):
        for name, text in content.items():
            (tmp_path / name).write_text(text)
        with pytest.raises((ForeignRunError, DamagedRunError)) as error:
            open_run(tmp_path)
        one_sentence(error)


@pytest.mark.parametrize("name", ["config.json", "progress.json"])
def test_a_run_of_a_newer_format_says_so(copied, name):
    content = json.loads((copied / name).read_text())
    (copied / name).write_text(json.dumps({**content, "format": 2, "new": 1}))
    with pytest.raises(ForeignRunError, match=r"newer version of this program \(format 2, this one knows 1\)") as error:
        open_run(copied)
    one_sentence(error)


def test_a_configuration_that_was_changed_is_refused(copied):
    content = json.loads((copied / "config.json").read_text())
    content["config"]["hidden_size"] = 7
    (copied / "config.json").write_text(json.dumps(content))
    with pytest.raises(ForeignRunError, match="its id is not that of its configuration"):
        open_run(copied)
    content["config"]["hidden_size"] = "rm -rf"
    (copied / "config.json").write_text(json.dumps(content))
    with pytest.raises(ForeignRunError, match="hidden_size was 'rm -rf'") as error:
        open_run(copied)
    one_sentence(error)


@pytest.mark.parametrize(
    "change",
    [
        {"zarr_format": 2},
        {"codecs": [{"name": "pickle"}]},
        {"codecs": [{"name": "numcodecs.pickle"}, {"name": "crc32c"}]},
        {"codecs": [{"name": "bytes", "configuration": {"endian": "big"}}, {"name": "crc32c"}]},
        {"data_type": "object"},
        {"data_type": ["float32"]},
        {"shape": [10**12, 10**12]},
        {"shape": [-1, 1, 8, 2, 4]},
        {"chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [0, 1, 8, 2, 4]}}},
        {"chunk_grid": {"name": "rectangular"}},
        {"chunk_key_encoding": {"name": "v2"}},
        {"storage_transformers": [{"name": "x"}]},
        {"attributes": {"__import__": "os"}},
    ],
)
def test_an_array_that_we_would_not_write_is_not_opened(copied, change):
    path = copied / "tensors.zarr" / "hidden" / "zarr.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ForeignRunError, match="is not an array as this program writes them") as error:
        open_run(copied).tensor("hidden")[0]
    one_sentence(error)
    assert np.isfinite(open_run(copied).tensor("loss")[:]).all()


def test_an_array_that_claims_terabytes_allocates_nothing(copied):
    path = copied / "tensors.zarr" / "hidden" / "zarr.json"
    metadata = json.loads(path.read_text())
    metadata["shape"] = [14, 1, 8, 2, 10**11]
    metadata["chunk_grid"]["configuration"]["chunk_shape"] = [14, 1, 8, 2, 10**11]
    path.write_text(json.dumps(metadata))
    with pytest.raises(ForeignRunError):
        open_run(copied).tensor("hidden")


@pytest.mark.parametrize(
    "file", ["config.json", "progress.json", "scalars.jsonl", "chunk", "checkpoint", "tensors.zarr"]
)
def test_no_link_is_followed_out_of_the_run(copied, tmp_path, file):
    secret = tmp_path / "secret"
    path = {"chunk": chunk_of(copied, "loss"), "checkpoint": next((copied / "checkpoints").iterdir())}.get(
        file, copied / file
    )
    path.rename(secret)
    path.symlink_to(secret)
    with pytest.raises(ForeignRunError, match=r"so it is not opened|so nothing is written") as error:
        touch_all(copied)
    one_sentence(error)


def test_nothing_is_written_into_a_run_with_a_link(halfway, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "precious").touch()
    (halfway / "checkpoints" / "more").symlink_to(tmp_path / "mine")
    with pytest.raises(ForeignRunError, match=r"'checkpoints/more' in .* is a symbolic link"):
        Recorder.resume(halfway)
    assert (tmp_path / "mine" / "precious").exists()


def test_a_checkpoint_outside_of_the_folder_is_not_loaded(copied):
    content = json.loads((copied / "progress.json").read_text())
    del content["check"], content["format"]
    content["checkpoint"] = "../../../etc/passwd"
    from experiments.store.progress import check

    (copied / "progress.json").write_text(json.dumps({"format": 1, "check": check(content), **content}))
    with pytest.raises(ForeignRunError, match="names a checkpoint outside"):
        open_run(copied)


def test_a_pipe_or_a_device_is_not_waited_for(copied):
    path = copied / "scalars.jsonl"
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(ForeignRunError, match="not a regular file"):
        open_run(copied).scalars()

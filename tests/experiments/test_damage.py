"""Damage in a run folder: each is named in one sentence, and the rest can be read."""

import os
import shutil

import numpy as np
import pytest
from one_sentence import one_sentence

from experiments.store.errors import DamagedRunError, ForeignRunError
from experiments.store.lease import is_held
from experiments.store.reader import open_run
from experiments.store.verify import verify
from experiments.train import Recorder


def test_a_damaged_chunk_is_named_and_the_others_can_be_read(copied):
    chunk = next(path for path in (copied / "tensors.zarr" / "gates" / "c").rglob("*") if path.is_file())
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

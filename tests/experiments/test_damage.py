"""Damage in a run folder: each is named in one sentence, and the rest can be read."""

import os
import shutil

import numpy as np
import pytest
from one_sentence import assert_one_sentence, one_sentence

from experiments.runs.damage import plain_damage
from experiments.runs.export import FORMS, export
from experiments.runs.opening import open_run
from experiments.runs.store.errors import DamagedRunError, ForeignRunError
from experiments.runs.store.lease import is_held
from experiments.runs.train import Recorder
from experiments.runs.verify import verify


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
    path, there = copied / file, verify(copied).files
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    found = verify(copied)
    (problem,) = found.problems
    assert named in problem
    assert found.files == there, "what is missing is counted, too"
    assert 1 <= found.damaged < there
    if file not in ("scalars.jsonl", "events.jsonl"):
        assert named.split("/c/")[0] in " ".join(plain_damage(open_run(copied)))


def test_a_run_without_its_arrays_says_so(copied):
    files, arrays = verify(copied).files, len(open_run(copied).tensors)
    chunks = len([*(copied / "tensors.zarr").glob("*/c/**/*")])
    shutil.rmtree(copied / "tensors.zarr")
    found = verify(copied)
    assert found.files == files
    assert found.damaged >= len(found.problems) == arrays + 1
    assert found.damaged <= arrays + chunks + 1
    assert plain_damage(open_run(copied)) == ["'tensors.zarr' is missing, and with it all recorded arrays."]


def test_every_byte_of_a_small_run_is_under_a_checksum(copied):
    """A bit of each file is turned; verify names that file, or refuses the run."""
    committed = [p for p in copied.rglob("*") if p.is_file() and not p.name.startswith(("lease", "control"))]
    for path in committed:
        if path.stat().st_size == 0 or path == copied / "tensors.zarr" / "zarr.json":
            continue  # names along axes, which config.json has too: no number depends on them
        content = path.read_bytes()
        # In text: within a word, for the last digit of a float64 may change the text and not the number.
        words = {"config.json": b"hidden_size", "progress.json": b"committed"}
        k = content.index(words[path.name]) if path.name in words else len(content) // 2
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
    assert plain_damage(run) == [f"'scalars.jsonl' has {size - 30} of its {size} committed bytes."]
    with pytest.raises(DamagedRunError, match=r"it was cut off\.$") as error:
        run.scalars()
    one_sentence(error)
    forgiving = run.forgiving()
    assert forgiving.scalars()["step"].tolist() == list(range(1, 12))
    assert forgiving.missing == {"scalars.jsonl": str(error.value)}
    assert len(run.tensor("loss")[:]) == 12
    with pytest.raises(DamagedRunError, match="so the run cannot be resumed; what it has can be read"):
        Recorder.resume(halfway)
    assert path.stat().st_size == size - 30, "a refused resume changes nothing"
    assert not is_held(halfway)


@pytest.mark.parametrize("form", list(FORMS))
def test_an_export_has_what_can_be_read_and_says_what_is_missing(copied, tmp_path, form):
    path = copied / "scalars.jsonl"
    *lines, last = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:4], b"{" + lines[4][:-2] + b"\n", *lines[5:], last]))
    begins = sum(map(len, lines[:4]))
    (lost,) = export(open_run(copied), form, tmp_path / "out")
    assert_one_sentence(lost)
    assert lost.startswith("'scalars.jsonl'")
    assert lost.endswith(
        f"the line that begins at byte {begins} was not written by this program; the rest was exported."
    )
    if form == "csv":
        steps = [int(line.split(",")[0]) for line in (tmp_path / "out").read_text().splitlines()[1:]]
        assert steps == [*range(1, 5), *range(6, 41)]


def test_an_export_of_nothing_is_refused(copied, tmp_path):
    (copied / "scalars.jsonl").unlink()
    with pytest.raises(DamagedRunError, match=r"^'scalars\.jsonl' is missing"):
        export(open_run(copied), "csv", tmp_path / "out")
    assert export(open_run(copied), "netcdf", tmp_path / "out")
    assert export(open_run(copied), "html", tmp_path / "page")


def test_a_damaged_checkpoint_cannot_be_resumed_and_leaves_the_records(halfway):
    (path,) = (halfway / "checkpoints").iterdir()
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DamagedRunError, match=r"cannot be resumed; its records can be read\.$"):
        Recorder.resume(halfway)
    assert open_run(halfway).scalars()["step"][-1] == 12

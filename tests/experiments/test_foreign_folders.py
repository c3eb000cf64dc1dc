"""Run folders of strangers: what we would not write is not opened, and nothing is followed out of the folder."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from one_sentence import one_sentence

from experiments.runs.opening import open_run
from experiments.runs.store.errors import DamagedRunError, ForeignRunError
from experiments.runs.store.progress import check
from experiments.runs.train import Recorder


def chunk_of(folder: Path, name: str) -> Path:
    return next(path for path in (folder / "tensors.zarr" / name / "c").rglob("*") if path.is_file())


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


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        (["config.json"], "no config.json"),
        (["progress.json"], "no progress.json"),
        (["config.json", "progress.json"], "no config.json and no progress.json"),
    ],
)
def test_a_folder_is_refused_for_what_it_lacks(copied, gone, said):
    for name in gone:
        (copied / name).unlink()
    with pytest.raises(ForeignRunError, match=rf"is not a run folder: it has {said}\.$"):
        open_run(copied)


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
    with pytest.raises(ForeignRunError, match="its id does not fit its configuration"):
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
    (copied / "progress.json").write_text(json.dumps({"format": 1, "check": check(content), **content}))
    with pytest.raises(ForeignRunError, match="names a checkpoint outside"):
        open_run(copied)


def test_a_pipe_or_a_device_is_not_waited_for(copied):
    path = copied / "scalars.jsonl"
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(ForeignRunError, match="not a regular file"):
        open_run(copied).scalars()

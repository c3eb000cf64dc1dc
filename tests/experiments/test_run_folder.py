"""The run folder: what is committed can be read by anyone, at once, and nothing else can."""

import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr
from hypothesis import given
from hypothesis import strategies as st

from experiments.runs.opening import open_run
from experiments.runs.store.chunks import ArraySpec, decode, encode
from experiments.runs.store.column import Column
from experiments.runs.store.lines import as_columns, encode_line, read_lines
from experiments.runs.train import Recorder
from experiments.runs.verify import verify

# chunks are Zarr v3


@given(
    st.sampled_from(["float32", "float64", "int32", "int64"]),
    st.lists(st.integers(1, 4), min_size=1, max_size=4),
    st.integers(0, 2**32),
)
def test_a_chunk_survives_the_disk_and_no_changed_byte_goes_unseen(dtype, shape, seed):
    dice = np.random.default_rng(seed)
    spec = ArraySpec.of(tuple(shape), tuple("abcd"[: len(shape)]), dtype)
    values = dice.integers(-9, 9, spec.chunk_shape).astype(dtype)
    content = encode(values)
    assert np.array_equal(decode(content, spec), values)
    k = int(dice.integers(len(content)))
    damaged = content[:k] + bytes([content[k] ^ (1 << int(dice.integers(8)))]) + content[k + 1 :]
    assert decode(damaged, spec) is None
    assert decode(content[:-1], spec) is None


def test_zarr_reads_what_is_written(whole):
    group = zarr.open_group(whole.folder / "tensors.zarr", mode="r", zarr_format=3, use_consolidated=False)
    for name in whole.tensors:
        array, tensor = group[name], whole.tensor(name)
        assert array.metadata.dimension_names == tensor.dimensions
        assert np.array_equal(array[: len(tensor)], tensor[:], equal_nan=True), name
        assert not np.isfinite(array[len(tensor) :].astype(float)).any() or array.fill_value == 0
    assert group["log_norm"].shape == (14, 1, 8, 5)


def test_xarray_opens_a_run_in_three_lines_while_it_is_written(tmp_path, tiny):
    with Recorder.start(tiny(), tmp_path / "run") as recorder:
        for _ in range(12):
            recorder.turn()
        recorder.commit()
        recorder.turn()
        ds = xr.open_zarr(tmp_path / "run" / "tensors.zarr", consolidated=False)
        ds = ds.where(ds.step > 0, drop=True)
        assert ds.step.values.tolist() == [1, 4, 7, 10]
        assert ds.gates.dims == ("step", "gate", "layer", "time", "sample", "unit")
        assert ds.time.values.tolist() == list(range(1, 9))
        assert ds.attrs["gate"] == ["i", "f", "g", "o"]
        assert bool(ds.log_norm.notnull().all())


def test_rows_of_many_chunks_are_read_by_any_basic_index(tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    from experiments.runs.store.files import replace_all
    from experiments.runs.store.tensor import Tensor

    truth = np.arange(20 * 6, dtype=np.float32).reshape(20, 2, 3)
    spec = ArraySpec((20, 2, 3), ("step", "layer", "unit"), "float32", 4)
    with ThreadPoolExecutor(1) as pool:
        column = Column(tmp_path, "x", spec, 0, pool)
        for row in truth[:18]:
            column.append(row)
        ready = column.wait()
        replace_all(column.partial(), tmp_path, ready)
    tensor = Tensor(tmp_path, "x", spec, 18)
    for key in (0, -1, 17, slice(None), slice(3, 9), slice(17, 2, -5), slice(5, 5), (slice(2, 4), 1), (7, 1, slice(2)),
                (slice(None), slice(None), -1), (..., 0), ...):  # fmt: skip
        assert np.array_equal(tensor[key], truth[:18][key]), key
    with pytest.raises(IndexError):
        tensor[18]


# scalars


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from("abc"), st.none() | st.integers(-5, 5) | st.floats(allow_subnormal=False), max_size=3
        ),
        max_size=20,
    ),
    st.integers(1, 64),
)
def test_lines_give_their_numbers_back_in_columns(tmp_path_factory, lines, block):
    folder = tmp_path_factory.mktemp("lines")
    content = b"".join(encode_line({"step": k, **line}) for k, line in enumerate(lines))
    (folder / "x.jsonl").write_bytes(content + b'{"step": 99, "a": 1}\n{"half a l')
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("experiments.runs.store.lines.BLOCK", block)
        columns = as_columns(read_lines(folder, "x.jsonl", 0, len(content)))
    for name in {name for line in lines for name in line}:
        wanted = [float("nan") if line.get(name) is None else float(line[name]) for line in lines]
        assert np.array_equal(columns[name], wanted, equal_nan=True)
    if lines:
        assert columns["step"].tolist() == list(range(len(lines)))


def test_only_what_is_new_can_be_read(tmp_path, tiny):
    with Recorder.start(tiny(), tmp_path / "run") as recorder:
        for wanted in (3, 5):
            before = open_run(tmp_path / "run").progress.scalars.size
            while recorder.training.step < wanted:
                recorder.turn()
            recorder.commit()
            new = open_run(tmp_path / "run").scalars(since=before)["step"]
            assert new.tolist() == ([1, 2, 3] if wanted == 3 else [4, 5])


# a view is frozen


def test_a_reader_sees_nothing_that_is_not_committed(tmp_path, tiny):
    folder = tmp_path / "run"
    with Recorder.start(tiny(record_every=1), folder) as recorder:
        for _ in range(5):
            recorder.turn()
        recorder.commit()
        view = open_run(folder)
        for _ in range(4):
            recorder.turn()
        assert len(open_run(folder).scalars()["step"]) == 5
        recorder.commit()
        assert len(view.scalars()["step"]) == len(view.tensor("step")) == 5
        assert len(open_run(folder).tensor("step")) == 9
    assert view.status == "interrupted", "whether its process lives is looked up now"


# large runs


def test_a_run_of_gigabytes_opens_as_fast_as_a_small_one_and_in_little_memory(tiny, tmp_path):
    """A sparse file of 5 GB stands for the chunks; what is indexed is what is read."""
    folder = tmp_path / "large"
    with Recorder.start(tiny(steps=60_000), folder) as recorder:
        for _ in range(12):
            recorder.turn()
    array = folder / "tensors.zarr" / "hidden"
    for k in range(1, 5):
        chunk = array / "c" / str(k) / "0" / "0" / "0" / "0"
        chunk.parent.mkdir(parents=True)
        with chunk.open("wb") as file:
            file.truncate(2**30 + 2**28)
    assert sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) > 5 * 10**9
    tracemalloc.start()
    run = open_run(folder)
    run.scalars(), run.events(), run.status, run.tensor("hidden")[-1]
    assert tracemalloc.get_traced_memory()[1] < 50 * 2**20
    tracemalloc.stop()


def test_a_whole_run_verifies(whole):
    found = verify(whole.folder)
    assert found.problems == ()
    assert found.files > 20


def test_no_chunk_is_left_half_written_and_old_checkpoints_are_gone(whole):
    names = [path.name for path in whole.folder.rglob("*")]
    assert not [name for name in names if name.endswith(".partial")]
    assert len(list((whole.folder / "checkpoints").iterdir())) == 1
    assert not (whole.folder / "lease.json").exists()
    assert os.access(whole.folder, os.W_OK)
    assert Path(whole.folder / "config.json").exists()

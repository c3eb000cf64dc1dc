"""Interrupted runs: they go on bit for bit, and what was committed is whole whatever happens next."""

import time

import numpy as np
import pytest
from kill_training import kill, read_all, same

from experiments.runs.opening import open_run
from experiments.runs.store.checkpoint import load_checkpoint
from experiments.runs.store.reader import RunReader
from experiments.runs.train import Recorder, train
from experiments.runs.verify import verify

pytestmark = pytest.mark.processes


def assert_equal_to_the_last_bit(run: RunReader, truth: RunReader) -> None:
    """Every recorded number but the clock's, and everything that a next step would depend on."""
    same(read_all(run, 0), read_all(truth, 0))
    mine, other = (
        load_checkpoint(r.folder, str(r.progress.checkpoint), r.progress.checkpoint_crc32).tensors for r in (run, truth)
    )
    assert mine.keys() == other.keys()
    assert all(np.array_equal(mine[name], other[name]) for name in mine)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"optimiser": "rmsprop"},
        {"optimiser": "momentum", "cell": "gru"},
        {"seq_len_schedule": "ranged", "seq_len_min": 3},
        {"task": "copying"},
        {"task": "next_character", "start": "carried"},
    ],
)
def test_a_run_that_was_stopped_anywhere_ends_bit_for_bit_as_one_that_was_not(trained, tmp_path, tiny, settings):
    truth = trained(**settings)
    folder, stops = tmp_path / "stopped", [1, 2, 10, 11, 25]
    recorder = Recorder.start(tiny(**settings), folder)
    for stop in stops:
        with recorder:
            while recorder.training.step < stop:
                recorder.turn()
        recorder = Recorder.resume(folder)
    train([recorder])
    run = open_run(folder)
    assert_equal_to_the_last_bit(run, truth)
    assert run.progress.attempt == len(stops) + 1
    assert [e["text"] for e in run.events() if e["kind"] == "resumed"] == [f"resumed after step {s}" for s in stops]


@pytest.mark.parametrize(("cell", "path"), [("elman", "fast"), ("lstm", "fast"), ("gru", "reference")])
def test_a_run_goes_on_bit_for_bit_by_the_path_that_it_began_with(tmp_path, tiny, cell, path):
    config = tiny(cell=cell, steps=16, seq_len_schedule="ranged", seq_len_min=4, truncate=3)
    train([Recorder.start(config, tmp_path / "truth", path)])
    with Recorder.start(config, tmp_path / "stopped", path) as recorder:
        while recorder.training.step < 7:
            recorder.turn()
    resumed = Recorder.resume(tmp_path / "stopped")
    assert resumed.training.path == path
    train([resumed])
    run, truth = open_run(tmp_path / "stopped"), open_run(tmp_path / "truth")
    assert_equal_to_the_last_bit(run, truth)


def test_a_row_whose_rest_fails_is_not_committed_and_the_rows_before_it_are(tmp_path, tiny, monkeypatch):
    """The spectra are computed beside the training, by a thread whose errors must not be lost."""

    def fail(form, model):
        def rest():
            raise ArithmeticError("no eigenvalues")

        return rest

    folder = tmp_path / "run"
    recorder = Recorder.start(tiny(record_every=1), folder)
    for _ in range(4):
        recorder.turn()
    recorder.commit()
    monkeypatch.setattr("experiments.runs.recorder.later", fail)
    with pytest.raises(ArithmeticError):
        train([recorder])
    run = open_run(folder)
    assert (run.status, run.progress.step) == ("failed", 4)
    assert all(np.isfinite(run.tensor(name)[:]).all() for name in ("spectral_radius", "weights", "hidden"))
    assert len(run.tensor("spectral_radius")) == 4
    assert verify(folder).problems == ()
    monkeypatch.undo()
    train([Recorder.resume(folder)])
    assert open_run(folder).progress.step == 40


def test_resuming_a_finished_run_changes_nothing(trained):
    run = trained()
    before = run.progress
    train([Recorder.resume(run.folder)])
    after = open_run(run.folder).progress
    assert (after.step, after.committed, after.status, after.scalars) == (40, 14, "finished", before.scalars)


def test_ten_kills_lose_nothing_that_was_committed(tmp_path):
    report = kill(tmp_path, kills=10, steps=250, seed=int(time.time()))
    assert report.attempts > 3, report
    assert report.reads > 20, report

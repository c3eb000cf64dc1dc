"""A run is steered while it trains, and two or more train in lockstep."""

import numpy as np
import pytest

from experiments.config.run_config import ConfigError
from experiments.runs.control import change_control, read_control, single_step, write_control
from experiments.runs.opening import open_run
from experiments.runs.train import Recorder, train
from experiments.training.training import Step


def turns(recorder: Recorder, n: int) -> int:
    """How many of n turns took a step."""
    return sum(recorder.turn() is not None for _ in range(n))


def test_learning_rate_and_threshold_change_while_it_runs_and_the_change_is_in_the_record(tmp_path, tiny):
    folder = tmp_path / "run"
    with Recorder.start(tiny(), folder) as recorder:
        turns(recorder, 3)
        change_control(folder, learning_rate=0.5)
        turns(recorder, 1)
        change_control(folder, clip_threshold=None)
        turns(recorder, 2)
    run = open_run(folder)
    scalars = run.scalars()
    assert scalars["learning_rate"].tolist() == [1e-3] * 3 + [0.5] * 3
    assert np.isnan(scalars["clip_threshold"][4:]).all()
    assert (scalars["clip_threshold"][:4] == 0.3).all()
    events = {e["kind"]: e for e in run.events()}
    assert (events["learning_rate"]["step"], events["learning_rate"]["old"], events["learning_rate"]["new"]) == (
        3,
        1e-3,
        0.5,
    )
    assert events["clip_threshold"]["text"] == "clip threshold changed from 0.3 to none"
    train([Recorder.resume(folder)])
    assert open_run(folder).scalars()["learning_rate"][-1] == 0.5, "a resumed run keeps what was changed"


def test_a_paused_run_waits_takes_single_steps_and_goes_on(tmp_path, tiny, monkeypatch):
    monkeypatch.setattr("experiments.runs.recorder.POLL_SECONDS", 0.0)
    folder = tmp_path / "run"
    with Recorder.start(tiny(), folder, paused=True) as recorder:
        assert turns(recorder, 3) == 0
        assert open_run(folder).status == "paused"
        single_step(folder)
        single_step(folder)
        assert turns(recorder, 5) == 2
        assert open_run(folder).progress.step == 2, "a single step is committed at once"
        change_control(folder, pause=False)
        assert turns(recorder, 3) == 3
        change_control(folder, stop=True)
        assert turns(recorder, 1) == 0
        assert recorder.ended
    run = open_run(folder)
    assert (run.status, run.progress.reason, run.progress.step) == ("interrupted", "stopped", 5)
    assert read_control(folder).stop
    train([Recorder.resume(folder)])
    assert open_run(folder).status == "finished", "an old wish to stop does not stop the resumed run"


def test_a_control_that_cannot_be_is_refused_or_ignored(tmp_path, tiny):
    folder = tmp_path / "run"
    with Recorder.start(tiny(), folder) as recorder:
        for changes in (
            {"learning_rate": -1},
            {"learning_rate": True},
            {"learning_rate": 1e308},
            {"clip_threshold": 0},
            {"pause": 1},
        ):
            name = next(iter(changes))
            with pytest.raises(ConfigError, match=f"^{name} was "):
                change_control(folder, **changes)
        (folder / "control.json").write_text('{"learning_rate": NaN')
        assert turns(recorder, 2) == 2
        (folder / "control.json").unlink()
        assert turns(recorder, 2) == 2
        write_control(folder, recorder.watch.control)
        assert turns(recorder, 1) == 1


def test_two_lanes_train_in_lockstep_from_one_seed(tmp_path, tiny):
    seen: list[tuple[str, int]] = []
    lanes = [Recorder.start(tiny(clip_threshold=t), tmp_path / n) for n, t in (("a", 1e-3), ("b", None))]
    train(lanes, lambda recorder, step: seen.append((recorder.folder.name, int(step.scalars["step"]))))
    assert seen == [(name, s) for s in range(1, 41) for name in ("a", "b")]
    a, b = (open_run(tmp_path / name).scalars() for name in ("a", "b"))
    assert a["loss"][0] == b["loss"][0], "the same weights and the same first batch"
    assert a["clipped"].all()
    assert not b["clipped"].any()


def test_lanes_commit_at_the_same_step_so_that_a_reader_sees_them_together(tmp_path, tiny, monkeypatch):
    monkeypatch.setattr(Recorder, "is_due", lambda lane: lane.folder.name == "a" and lane.training.step % 5 == 0)
    committed: list[tuple[int, int]] = []

    def look(recorder: Recorder, step: Step) -> None:
        if recorder.folder.name == "a":  # what the others have committed in the rounds before
            b, c = (open_run(tmp_path / name).progress.step for name in ("b", "c"))
            committed.append((b, c))

    train([Recorder.start(tiny(seed=k), tmp_path / n) for k, n in enumerate("abc")], look)
    assert len(set(committed)) > 2, "they committed on the way"
    assert all(b == c for b, c in committed)

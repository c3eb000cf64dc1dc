"""In a lesson's second beat a bench follows its controls at once; one that trains finds its runs again."""

import itertools

import pytest
from learning import EACH_BENCH, EACH_LIVE, at_beat, picture_is_whole, words

from dashboard.lessons import lesson_12_for_real, live_beat
from dashboard.lessons.lesson import Pick, Slider
from experiments.runs.opening import open_run
from experiments.runs.recorder import Recorder
from experiments.runs.train import train

pytestmark = pytest.mark.usefixtures("runs")


def ends(bench):
    """The values at the start, and with each control at each of its ends."""
    yield bench.start
    for control in bench.controls:
        extremes = list(control.options) if isinstance(control, Pick) else [control.minimum, control.maximum]
        for value in extremes:
            yield {**bench.start, control.key: value}


@EACH_BENCH
def test_the_bench_draws_wherever_its_controls_stand(lesson):
    keys = None
    for values in ends(lesson.bench):
        scene = lesson.bench.draw(values)
        assert scene.words
        assert 1 <= len(scene.pictures) <= 2
        assert keys in (None, set(scene.pictures)), "charts keep their names"
        keys = set(scene.pictures)
        for picture in scene.pictures.values():
            picture_is_whole(picture, 48 if len(scene.pictures) == 1 else 36)


@EACH_BENCH
def test_every_control_changes_what_is_seen(lesson):
    def seen(values):
        scene = lesson.bench.draw(values)
        return scene.words, scene.table, [p.figure.to_dict() for p in scene.pictures.values()]

    base = str(seen(lesson.bench.start))
    for control in lesson.bench.controls:
        if isinstance(control, Slider):
            assert control.minimum <= control.value <= control.maximum
        others = list(control.options) if isinstance(control, Pick) else [control.minimum, control.maximum]
        assert any(str(seen({**lesson.bench.start, control.key: value})) != base for value in others), control.key


@EACH_LIVE
def test_every_live_setting_has_runs_of_its_own(lesson):
    bench = lesson.bench
    assert bench.settings[0] == {control.key: control.value for control in bench.controls}
    names = [[lane.identity() for lane in bench.lanes(values)] for values in bench.settings]
    assert len(set(itertools.chain(*names))) == sum(map(len, names))


def begun(lanes, runs, steps=None):
    """Train lanes as the page's process does, for a few steps or to their end, and open them."""
    recorders = [Recorder.start(lane, runs / lane.identity()) for lane in lanes]
    if steps is None:
        train(recorders)
    for recorder in recorders if steps is not None else ():
        with recorder:
            for _ in range(steps):
                recorder.turn()
    return [open_run(recorder.folder) for recorder in recorders]


@EACH_LIVE
def test_a_live_lesson_finds_what_was_trained_and_goes_on_from_there(lesson, runs):
    at = at_beat(lesson, "do")
    assert at.button(key=f"lesson-{lesson.number}-train").label == "Train"
    assert at.button(key=f"lesson-{lesson.number}-cancel").disabled
    found = begun(lesson.bench.lanes(lesson.bench.settings[-1]), runs, steps=60)
    scene = lesson.bench.draw(found)
    for picture in scene.pictures.values():
        picture_is_whole(picture, 48 if len(scene.pictures) == 1 else 36)
    at = at_beat(lesson, "do")  # a new session
    assert [box.value for box in at.selectbox] == list(lesson.bench.settings[-1].values())
    assert scene.words in words(at)
    train_button = at.button(key=f"lesson-{lesson.number}-train")
    assert train_button.label == "Continue"
    assert not train_button.disabled


@EACH_LIVE
def test_a_lane_without_a_step_is_no_result(lesson, runs):
    lanes = lesson.bench.lanes(lesson.bench.settings[0])
    begun(lanes[:1], runs, steps=2)
    begun(lanes[1:], runs, steps=0)
    at = at_beat(lesson, "do")
    shown = words(at) + str([m.proto for m in at.get("bidi_component")])
    assert "Largest gradient so far" in shown
    assert "nan" not in shown.lower()


@EACH_LIVE
def test_a_verdict_is_measured_anew_after_a_run(lesson, runs):
    before = live_beat.last_changes(lesson.bench)
    begun(lesson.bench.lanes(lesson.bench.settings[0]), runs, steps=2)
    assert live_beat.last_changes(lesson.bench) != before


def test_lesson_12_decides_by_the_learners_runs(runs):
    lesson = lesson_12_for_real.LESSON
    begun(lesson.bench.lanes({"length": "10", "rate": "0.2", "seed": "1"}), runs)
    begun(lesson.bench.lanes({"length": "30", "rate": "0.2", "seed": "1"}), runs, steps=2)
    m = lesson.measure()
    assert [(p.length, p.yours) for p in m.pairs] == [(10, False), (10, True), (20, False)]

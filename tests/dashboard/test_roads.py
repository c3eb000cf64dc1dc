"""From each lesson into Explore: the settings are allowed there, and make a network that can be recorded."""

import math

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.explore.link import read_settings
from dashboard.explore.settings import Settings
from dashboard.explore.view import record_view
from dashboard.lessons.lesson import Bench, Slider
from dashboard.lessons.registry import BY_NUMBER, LESSONS
from dashboard.lessons.roads import explain_difference, explore_link, explore_settings


def stands(lesson, end):
    """The values of a bench whose sliders stand at one of their ends."""
    return {c.key: getattr(c, end) if isinstance(c, Slider) else c.value for c in lesson.bench.controls}


@pytest.mark.parametrize("end", ["minimum", "value", "maximum"])
@pytest.mark.parametrize("lesson", LESSONS, ids=[lesson.title for lesson in LESSONS])
def test_every_lesson_has_settings_on_explore_wherever_its_controls_stand(lesson, end):
    values = stands(lesson, end)
    link = explore_link(lesson, values)
    allowed, wrong = read_settings({name: text for name, text in link.items() if name != "from"})
    assert wrong == []
    assert Settings.of({**Settings().as_values(), **allowed}) == explore_settings(lesson, values)


@pytest.mark.parametrize("lesson", LESSONS, ids=[lesson.title for lesson in LESSONS])
def test_the_network_of_every_lesson_can_be_recorded_there(lesson):
    values = lesson.bench.start if isinstance(lesson.bench, Bench) else lesson.bench.settings[0]
    view = record_view(explore_settings(lesson, values))
    assert all(math.isfinite(probe.loss) for probe in view.probes.values())


def test_one_neurons_gradient_on_explore_is_the_lessons_power_of_its_weight():
    view = record_view(explore_settings(BY_NUMBER[1], {"weight": 0.9, "steps": 100.0}))
    median = view.probes["elman"].profile.median
    assert median[0] - median[-1] == pytest.approx(99 * math.log(0.9), rel=1e-5)


@pytest.mark.parametrize("lesson", LESSONS, ids=[lesson.title for lesson in LESSONS])
def test_a_lesson_says_beside_its_road_in_what_explores_network_is_another(lesson):
    at = AppTest.from_function(_show_ways_of, args=(lesson.number,), default_timeout=60).run()
    assert explain_difference(lesson) in [caption.value for caption in at.caption]
    (road,) = [button for button in at.button if button.label == "Open in Explore"]
    assert explain_difference(lesson) in road.help


def _show_ways_of(number):
    from dashboard.learn.lesson_page import show_ways
    from dashboard.lessons.registry import BY_NUMBER

    show_ways(BY_NUMBER[number], "decide")

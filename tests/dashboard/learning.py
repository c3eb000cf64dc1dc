"""What the tests of lessons do with one: measure it once, make each prediction, open a beat, look at a picture."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.lessons.lesson import Bench, Live
from dashboard.lessons.place import write_guesses
from dashboard.lessons.question import Choices
from dashboard.lessons.registry import BY_NUMBER, LESSONS

PAGE = str(Path(__file__).resolve().parents[2] / "dashboard/learn/page.py")


def each(lessons):
    """A test for each of these lessons, by its number and title."""
    return pytest.mark.parametrize("lesson", lessons, ids=[f"{lesson.number}-{lesson.title}" for lesson in lessons])


EACH = each(LESSONS)
EACH_BENCH = each([lesson for lesson in LESSONS if isinstance(lesson.bench, Bench)])
EACH_LIVE = each([lesson for lesson in LESSONS if isinstance(lesson.bench, Live)])
EACH_CHOICE = each([lesson for lesson in LESSONS if isinstance(lesson.question, Choices)])

_measured = {}


def measured(lesson):
    """What the lesson measures, once a process: what needs it is in one file, so that the suite measures it once."""
    if lesson.number not in _measured:
        _measured[lesson.number] = lesson.measure()
    return _measured[lesson.number]


def guesses(lesson):
    """Predictions of every kind that a learner could make."""
    question = lesson.question
    if isinstance(question, Choices):
        return list(question.answers)
    n = len(question.lags)
    slopes = (question.lowest, question.lowest / 2, 0.0, question.highest)
    return [tuple(question.rounded(slope * (k + 1) / n) for k in range(n)) for slope in slopes]


def picture_is_whole(picture, longest_title=48):
    assert 0 < len(picture.figure.layout.title.text) <= longest_title
    assert picture.sentence.endswith(".")
    assert picture.alt.endswith(".")
    lengths = {len(column) for column in picture.columns.values()}
    assert len(lengths) == 1
    assert lengths != {0}


def at_beat(lesson, beat, guess=None):
    """The page with the lesson's beat, which has opened without a warning."""
    at = AppTest.from_file(PAGE, default_timeout=60)
    at.query_params["lesson"] = str(lesson.number)
    at.query_params["beat"] = beat
    if guess is not None:
        at.query_params["guess"] = write_guesses({lesson.number: guess}, BY_NUMBER)
    at.run()
    assert not at.exception
    assert not at.warning
    return at


def words(at):
    """All that a page says."""
    return "\n".join(m.value for m in [*at.markdown, *at.caption])

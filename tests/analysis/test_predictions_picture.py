"""The pictures of a room's predictions show every answer and every curve, and say them in words."""

import numpy as np
import pytest

from analysis.figures.predictions import add_curves, answers_picture, curves_picture

LAGS = (20, 40, 60)
DRAWN = np.array([[-1.0, -2.0, -3.0], [0.0, -4.0, -8.0], [-2.0, -3.0, -4.0]])


def test_every_answer_has_a_bar_as_long_as_its_count_and_its_words():
    made = answers_picture("9 predicted", ["Both.", "Neither."], [7, 2], right=1)
    bars = made.figure.data[0]
    assert list(bars.x) == [7, 2]
    assert [note.text for note in made.figure.layout.annotations] == ["Both.", "<b>✓ Neither.</b>"]
    assert made.alt == "9 predicted. Both. 7. Neither. 2. Right: Neither."
    assert made.figure.layout.xaxis.range[1] > 7


def test_nothing_tells_the_right_answer_before_it_is_given():
    made = answers_picture("none yet", ["Both.", "Neither."], [0, 0])
    assert len(set(made.figure.data[0].marker.color)) == 1
    assert "✓" not in str(made.figure.layout.annotations)
    assert "Right" not in made.alt


def curves_of(figure):
    """The curves that are drawn as one line with gaps."""
    line = next(trace for trace in figure.data if trace.name == "3 predictions")
    cuts = np.flatnonzero(np.isnan(line.y))
    assert np.isnan(np.asarray(line.x, float)[cuts]).all()
    return np.array([part[~np.isnan(part)] for part in np.split(np.asarray(line.y, float), cuts)[:-1]])


@pytest.mark.parametrize("over_measured", [False, True])
def test_everybodys_curve_begins_at_one_and_the_middle_one_is_the_median(over_measured):
    made = curves_picture("3 predicted", LAGS, DRAWN, "lag", "size", (-10, 2))
    if over_measured:
        made = add_curves(curves_picture("measured", LAGS, DRAWN[:0], "lag", "size", (-10, 2)), LAGS, DRAWN)
    np.testing.assert_allclose(curves_of(made.figure), np.hstack([np.zeros((3, 1)), DRAWN]))
    middle = next(trace for trace in made.figure.data if trace.name == "middle prediction")
    np.testing.assert_allclose(np.asarray(middle.y, float), [0, -1, -3, -4], atol=1e-12)


def test_a_class_that_has_drawn_nothing_is_an_empty_picture():
    made = curves_picture("0 predicted", LAGS, DRAWN[:0], "lag", "size", (-10, 2))
    assert not made.figure.data
    assert tuple(made.figure.layout.xaxis.range) == (0, 60)

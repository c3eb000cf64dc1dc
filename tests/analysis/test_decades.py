"""Ticks of an axis of log₁₀: powers of ten where there are many, numbers where there are few."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analysis.figures.decades import POWERS_OF_TEN, decades_axis


@given(st.floats(-400, 400), st.floats(0, 600))
def test_every_span_has_a_few_readable_ticks(low, span):
    axis = decades_axis([np.array([low, low + span])])
    if span >= 3:
        assert axis.items() >= POWERS_OF_TEN.items()
        assert ("dtick" in axis) == (span < 6), "no 10^0.5 between powers of ten"
        return
    first, final = axis.get("range", (low - 0.05 * span, low + span + 0.05 * span))
    assert first <= low
    assert low + span <= final
    inside = [tick for tick in axis["tickvals"] if first <= tick <= final]
    assert 2 <= len(inside) <= 8
    assert "10^0.5" not in "".join(axis["ticktext"])
    assert axis["tickvals"] == sorted(axis["tickvals"])


def test_the_words_of_a_tick_are_its_value():
    axis = decades_axis([np.array([-0.4, np.nan, 0.3]), np.array([-np.inf])])
    for tick, words in zip(axis["tickvals"], axis["ticktext"], strict=True):
        if -3 <= tick < 3:
            assert math.isclose(float(words), 10**tick, rel_tol=1e-2)
    assert {"0.5", "1", "2"} <= set(axis["ticktext"])


def test_nothing_finite_has_no_scale_that_would_be_invented():
    for values in ([np.array([np.nan]), np.array([np.inf])], []):
        assert not {"range", "ticktext"} & set(decades_axis(values))

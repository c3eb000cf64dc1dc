"""Pictures that take each other's place share an axis, unless most of them would be flat on it."""

import numpy as np
import pytest

from analysis.figures.among import LEAST_OWN, MOST_SHARED, Among
from analysis.numbers import LN_10


def test_pictures_share_an_axis_up_to_a_hundred_decades():
    values = np.array([[0.0, -50 * LN_10], [-np.inf, 50 * LN_10], [np.nan, np.inf]])
    among = Among.all_of(values, every=3)
    assert among.reach == pytest.approx((-50 * LN_10, 50 * LN_10))
    assert [among.of(one) for one in values] == [among] * 3
    assert Among.all_of(values[2, :1]).reach == (0.0, 0.0)


def test_beyond_that_each_has_its_own_with_ticks_of_the_same_kind():
    values = np.array([[0.0, -MOST_SHARED - 1], [-1.0, 1.0], [np.nan, np.inf]])
    among = Among.all_of(values, every=3)
    wide, flat, lost = (among.of(one) for one in values)
    assert wide.reach == pytest.approx((-MOST_SHARED - 1, 0.0))
    assert flat.reach == pytest.approx((-LEAST_OWN / 2, LEAST_OWN / 2))
    assert lost.reach == pytest.approx((-LEAST_OWN / 2, LEAST_OWN / 2))
    assert {wide.every, flat.every, lost.every} == {3}

"""A running mean is that of its window, whatever came before."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from analysis.figures.running_mean import running_mean

VALUES = st.one_of(st.floats(-1e3, 1e3), st.sampled_from([np.nan, np.inf, -np.inf, 1e30, -1e17]))


@given(values=arrays(np.float64, st.integers(0, 40), elements=VALUES), window=st.integers(1, 12))
def test_each_point_is_the_mean_of_the_finite_values_of_its_window(values, window):
    found = running_mean(values, window)
    assert len(found) == len(values)
    for k, mean in enumerate(found):
        own = values[max(0, k + 1 - window) : k + 1]
        own = own[np.isfinite(own)]
        if not len(own):
            assert np.isnan(mean)
        else:
            assert mean == pytest.approx(own.mean(), rel=1e-12, abs=1e-12 * np.abs(own).max())


def test_a_huge_loss_is_forgotten():
    values = np.full(1000, 0.1)
    values[0] = 1e30
    np.testing.assert_allclose(running_mean(values, 10)[[10, 500, 999]], 0.1, rtol=1e-12)

"""The error of a line through correlated residuals: its closed form against the sum that it stands for."""

import numpy as np
import pytest

from analysis.straight import effect_of_each


@pytest.mark.parametrize("n", [3, 50, 200, 2000])
@pytest.mark.parametrize("rho", [0.0, 0.3, 0.9, 0.997, 1.0])
def test_what_each_growth_does_to_the_slope_is_its_sum_over_all_later_residuals(n, rho):
    x = np.arange(n) - (n - 1) / 2
    expected = x.copy()
    for t in reversed(range(n - 1)):
        expected[t] += rho * expected[t + 1]
    assert np.allclose(effect_of_each(x, rho), expected, rtol=0, atol=1e-12 * np.abs(expected).max())

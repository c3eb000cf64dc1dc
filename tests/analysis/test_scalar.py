"""One-unit networks against iteration, finite differences and counting of fixed points."""

import math

import numpy as np
import pytest

from analysis.scalar import doya_fold_biases, doya_orbit, error_surface, latch


def settled(bias, start):
    return float(doya_orbit(5.0, bias, start, 5000).x[-1])


def test_doyas_unit_has_two_states_between_its_folds_only():
    low, high = doya_fold_biases(5)
    for bias, states in ((low - 1e-3, 1), (low + 1e-3, 2), (high - 1e-3, 2), (high + 1e-3, 1)):
        assert len({round(settled(bias, start), 3) for start in (-8.0, 8.0)}) == states
    assert doya_fold_biases(4) is None
    assert doya_fold_biases(-3) is None


def test_orbit_gradient_matches_finite_differences():
    orbit = doya_orbit(5.0, -2.5, 0.4, 12)
    assert orbit.x.shape == orbit.log_gradient.shape == (13,)
    eps = 1e-6
    nudged = [doya_orbit(5.0, -2.5, 0.4 + d, 12).x[-1] for d in (eps, -eps)]
    assert math.exp(orbit.log_gradient[0]) == pytest.approx(abs(nudged[0] - nudged[1]) / (2 * eps), rel=1e-6)
    assert orbit.log_gradient[-1] == 0
    grid = doya_orbit(5.0, np.linspace(-3, -2, 7), 0.4, 12)
    assert grid.x.shape == (13, 7)


def test_error_surface_gradient_matches_finite_differences():
    w, b, eps = np.linspace(0.5, 4, 5), np.linspace(-3.5, -0.5, 4), 1e-6
    surface = error_surface(w, b)
    assert surface.error.shape == (4, 5)
    along_w = (error_surface(w + eps, b).error - error_surface(w - eps, b).error) / (2 * eps)
    along_b = (error_surface(w, b + eps).error - error_surface(w, b - eps).error) / (2 * eps)
    assert np.abs(surface.grad_weight - along_w).max() < 1e-7
    assert np.abs(surface.grad_bias - along_b).max() < 1e-7


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0, 1.25, 3.0])
@pytest.mark.parametrize("bias", [-2.0, -0.05, 0.0, 0.05, 2.0])
def test_latch_finds_every_fixed_point(weight, bias):
    result = latch(weight, bias)
    assert np.abs(result.fixed_points - weight * np.tanh(result.fixed_points) - bias).max() < 1e-12
    grid = np.linspace(-6, 6, 200_001) + 1.3e-5
    changes = np.diff(np.sign(grid - weight * np.tanh(grid) - bias)) != 0
    assert len(result.fixed_points) == changes.sum() == (3 if result.bistable else 1)


def test_latch_at_the_edge_has_a_slope_of_one():
    edge = latch(1.25, latch(1.25, 0).largest_bias)
    assert not edge.bistable
    assert edge.slopes[-1] < 1
    assert latch(1.25, 0.999 * edge.largest_bias).slopes[1] == pytest.approx(1, abs=0.02)


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="steps was 0"):
        doya_orbit(5, 0, 0, 0)
    with pytest.raises(ValueError, match="weight was nan"):
        doya_fold_biases(math.nan)
    with pytest.raises(ValueError, match="bias must be a list"):
        error_surface(np.ones(2), np.array([np.inf]))
    with pytest.raises(ValueError, match="steps was 0"):
        error_surface(np.ones(2), np.ones(2), steps=0)
    with pytest.raises(ValueError, match="weight was -1"):
        latch(-1, 0)
    with pytest.raises(ValueError, match="bias was inf"):
        latch(1, math.inf)

"""Steps on the cliff against the surface on a grid, and against torch's optimiser on autograd's gradient."""

import math

import numpy as np
import pytest
import torch

from analysis.cliff import descend, slope_at, up_to_the_edge
from analysis.scalar import error_surface


@pytest.mark.parametrize(("weight", "bias"), [(5.0, -2.8), (4.69, -2.42), (0.0, 0.0), (7.0, -4.0), (-3.0, 1.0)])
def test_slope_at_a_place_is_the_surfaces(weight, bias):
    surface = error_surface(np.array([weight]), np.array([bias]))
    here = slope_at(weight, bias)
    assert here.error == pytest.approx(surface.error[0, 0], rel=1e-12)
    assert here.weight == pytest.approx(surface.grad_weight[0, 0], rel=1e-9, abs=1e-15)
    assert here.bias == pytest.approx(surface.grad_bias[0, 0], rel=1e-9, abs=1e-15)
    assert here.norm == pytest.approx(surface.slope[0, 0], rel=1e-9)


@pytest.mark.parametrize("threshold", [None, 0.05, 1.0])
def test_descent_is_torchs_sgd_with_autograds_gradient(threshold):
    parameters = torch.tensor([5.0, -2.6], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.SGD([parameters], lr=0.1)
    mine = descend(5.0, -2.6, 0.1, 15, threshold)
    for k in range(16):
        assert mine.weight[k] == pytest.approx(parameters[0].item(), rel=1e-9)
        assert mine.bias[k] == pytest.approx(parameters[1].item(), rel=1e-9)
        optimiser.zero_grad()
        x = torch.tensor(0.5, dtype=torch.float64)
        for _ in range(50):
            x = parameters[0] * torch.sigmoid(x) + parameters[1]
        error = (torch.sigmoid(x) - 0.7) ** 2
        error.backward()
        assert mine.error[k] == pytest.approx(error.item(), rel=1e-9)
        if threshold is not None:
            # torch divides by ‖g‖ + 1e-6, which the wall would magnify: the rule is written out.
            assert parameters.grad is not None
            parameters.grad *= min(1.0, threshold / parameters.grad.norm().item())
        optimiser.step()


def test_no_clipped_step_is_longer_than_rate_times_threshold():
    clipped = descend(5.0, -2.8, 0.1, 100, 0.5)
    assert 0 < clipped.clipped <= 100
    assert clipped.longest <= 0.05 * (1 + 1e-12)
    assert (clipped.slope > 0.5).sum() >= clipped.clipped


def test_a_descent_that_leaves_for_good_stops():
    gone = descend(4.69, -2.42, 1e9, 100)
    assert len(gone.weight) < 101
    assert np.isfinite(gone.weight).all()


def test_a_descent_is_seen_up_to_the_edge():
    thrown = descend(4.5, -3.0, 0.3, 100)
    seen = up_to_the_edge(thrown, (0, 7), (-4, 0))
    n = len(seen.weight) - 1
    assert seen.left
    assert seen.weight[:n].tolist() == thrown.weight[:n].tolist()
    assert not (0 <= thrown.weight[n] <= 7 and -4 <= thrown.bias[n] <= 0)
    w, b = seen.weight[n], seen.bias[n]
    assert min(abs(w - 7), abs(w), abs(b), abs(b + 4)) < 1e-12
    across = (w - thrown.weight[n - 1]) * (thrown.bias[n] - thrown.bias[n - 1])
    assert across == pytest.approx((b - thrown.bias[n - 1]) * (thrown.weight[n] - thrown.weight[n - 1]), rel=1e-9)
    assert seen.error[n] == slope_at(w, b).error
    stays = descend(4.5, -3.0, 0.3, 100, 1.0)
    assert not up_to_the_edge(stays, (0, 7), (-4, 0)).left
    with pytest.raises(ValueError, match="starts at"):
        up_to_the_edge(stays, (5, 7), (-4, 0))


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="weight and bias were nan"):
        slope_at(math.nan, 0)
    with pytest.raises(ValueError, match="steps was 0"):
        slope_at(1, 0, steps=0)
    with pytest.raises(ValueError, match="learning_rate was 0"):
        descend(1, 0, 0.0, 10)
    with pytest.raises(ValueError, match="clip_threshold was -1"):
        descend(1, 0, 0.1, 10, -1.0)
    with pytest.raises(ValueError, match="steps was 0"):
        descend(1, 0, 0.1, 0)

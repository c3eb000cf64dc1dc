"""The latch that is trained: its gradients against autograd, and what training makes of it."""

import numpy as np
import pytest
import torch

from analysis.simulations.trained_latch import LEARNED, TARGETS, gradients, noises, states, train_latches


@pytest.mark.parametrize("steps", [LEARNED + 1, 9, 30])
def test_gradients_are_autograds(steps):
    draw = np.random.default_rng(0)
    w, h = np.array([0.5, 1.25, 2.0])[:, None, None], draw.normal(0, 1, (LEARNED, 3, 2, 1))
    n = noises(draw, np.array([0.0, 0.2, 1.0]), steps, 4)
    w_leaf, h_leaf = torch.tensor(w, requires_grad=True), torch.tensor(h, requires_grad=True)
    x = torch.zeros(3, 2, 4, dtype=torch.float64)
    for h_t in (*h_leaf, *torch.from_numpy(n)):
        x = torch.tanh(w_leaf * x + h_t)
    np.testing.assert_allclose(states(w, h, n)[-1], x.detach().numpy(), rtol=1e-13)
    (0.5 * (x - torch.from_numpy(TARGETS)[:, None]) ** 2).mean(-1).sum().backward()
    for ours, leaf in zip(gradients(w, h, n), (w_leaf, h_leaf), strict=True):
        assert leaf.grad is not None
        np.testing.assert_allclose(ours, leaf.grad.numpy(), rtol=1e-11, atol=1e-14)


def test_without_noise_a_strong_unit_learns_its_bit_and_its_gradient_vanishes():
    units = train_latches(np.array([1.5, 1.5]), np.zeros(2), 12, 400)
    assert (units.right == 1).all()
    assert (units.weight > 1).all(), "a latch needs w > 1"
    assert (units.log_kept < 0).all()


def test_a_weak_unit_under_much_noise_guesses():
    units = train_latches(np.array([0.5]), np.array([1.0]), 30, 200)
    assert units.right[0] == pytest.approx(0.5, abs=0.1)


def test_a_sequence_without_noise_is_refused():
    with pytest.raises(ValueError, match=r"^steps was 3; it must be at least 4\.$"):
        train_latches(np.ones(1), np.zeros(1), LEARNED, 1)

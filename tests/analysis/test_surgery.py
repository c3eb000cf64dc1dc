"""A wanted spectrum on a given matrix, its singular vectors kept."""

import math

import numpy as np
import pytest
import torch

from analysis.surgery import SHAPES, operate, wanted_values
from models.networks.initialise import scale_spectral_norm, set_singular_values


def matrix(n=8, seed=0, dtype=torch.float64):
    return torch.randn(n, n, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def values_of(shape, **keywords):
    return wanted_values(shape, 8, generator=torch.Generator().manual_seed(1), **keywords)


@pytest.mark.parametrize("shape", SHAPES)
def test_singular_values_are_the_wanted_ones_and_the_vectors_are_kept(shape):
    W = matrix()
    values = values_of(shape, largest=1.7, smallest=0.2, rest=0.6)
    result = operate(W, values)
    assert np.abs(result.after.singular_values - values.numpy()).max() < 1e-13
    assert result.after.spectral_norm == pytest.approx(1.7)
    assert result.before.spectral_norm == pytest.approx(torch.linalg.matrix_norm(W, 2).item())
    U, _, Vh = torch.linalg.svd(W)
    assert (U.T @ result.weight @ Vh.T - torch.diag(values)).abs().max() < 1e-13


def test_shapes():
    equal = operate(matrix(), values_of("equal", largest=0.9)).weight / 0.9
    assert torch.allclose(equal @ equal.T, torch.eye(8, dtype=torch.float64), atol=1e-13)
    assert values_of("linear", largest=2, smallest=0.6).diff() == pytest.approx([-0.2] * 7)
    assert values_of("outlier", largest=3, rest=0.5).tolist() == [3] + [0.5] * 7
    assert values_of("outlier", largest=0.1, rest=0.5).tolist() == [0.5] * 7 + [0.1]
    drawn = wanted_values("gaussian", 300, gain=1.3, generator=torch.Generator().manual_seed(0))
    assert drawn[0] == pytest.approx(2.6, abs=0.1)
    assert math.sqrt(float((drawn**2).mean())) == pytest.approx(1.3, rel=0.01)


def test_every_value_by_hand_zeros_allowed():
    values = torch.tensor([3.0, 1, 1, 0.5, 0.25, 1e-9, 0, 0])
    result = operate(matrix(), values)
    assert np.abs(result.after.singular_values - values.numpy()).max() < 1e-13
    assert operate(matrix(), torch.zeros(8)).weight.abs().max() == 0


def test_zero_and_singular_matrices_get_the_spectrum_too():
    values = values_of("linear", largest=2.0, smallest=1.0)
    singular = matrix()
    singular[:, 3] = 0
    for W in (torch.zeros(8, 8, dtype=torch.float64), singular):
        assert np.abs(operate(W, values).after.singular_values - values.numpy()).max() < 1e-13


def test_float32_stays_float32():
    result = operate(matrix(dtype=torch.float32), values_of("equal"))
    assert result.weight.dtype == torch.float32
    assert np.abs(result.after.singular_values - 1).max() < 1e-6


@pytest.mark.unchecked
def test_wrong_arguments_are_named():
    W, one = matrix(), torch.ones(8)
    with pytest.raises(ValueError, match="weight has shape"):
        operate(W[:4], one)
    with pytest.raises(ValueError, match="weight has entries"):
        operate(W * torch.nan, one)
    with pytest.raises(ValueError, match="values have shape"):
        operate(W, one[:4])
    with pytest.raises(ValueError, match="at least 0"):
        operate(W, -one)
    with pytest.raises(ValueError, match="largest first"):
        operate(W, torch.arange(8.0))
    with pytest.raises(ValueError, match="shape was 'square'"):
        wanted_values("square", 8)
    with pytest.raises(ValueError, match="size was 0"):
        wanted_values("equal", 0)
    with pytest.raises(ValueError, match="largest was"):
        wanted_values("equal", 3, largest=math.nan)


@pytest.mark.parametrize("change", [set_singular_values, scale_spectral_norm])
def test_matrices_without_a_spectrum_to_change_are_refused(change):
    with pytest.raises(ValueError, match="not finite"):
        change(torch.full((2, 2), torch.nan), 1.0)


def test_a_matrix_too_small_to_be_scaled_is_refused():
    with pytest.raises(ValueError, match="cannot be scaled"):
        scale_spectral_norm(1e-42 * torch.eye(2), 1.0)


def test_values_beyond_the_dtype_are_refused():
    with pytest.raises(ValueError, match="float32"):
        operate(torch.eye(3), torch.tensor([1e300, 2, 1], dtype=torch.float64))

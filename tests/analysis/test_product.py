"""Products of Jacobians against exact arithmetic, and against the gradients that BPTT recorded."""

import math

import mpmath
import numpy as np
import pytest
import torch
from oracles import CONFIGURATION_NAMES, CONFIGURATIONS, make_model, random_orthogonal

from analysis import graded
from analysis.graded import log_singular_values
from analysis.jacobian import step_jacobians
from analysis.product import product_log_norms, product_spectrum
from models import record


def exact_log_singular_values(factors):
    """600 digits: the product multiplied out and decomposed."""
    with mpmath.workdps(600):
        P = mpmath.eye(factors.shape[1])
        for J in factors:
            P = mpmath.matrix(J.tolist()) * P
        return np.array(sorted((float(mpmath.log(s)) for s in mpmath.svd_r(P, compute_uv=False)), reverse=True))


def gaussian_factors(time=60, n=6, seed=0):
    return np.random.default_rng(seed).normal(size=(time, n, n)) / n**0.5


def blocks(A, B):
    return np.block([[A, np.zeros_like(A)], [np.zeros_like(B), B]])


UPPER, LOWER = np.array([[0.1, 1], [0, 10]]), np.array([[0.1, 0], [1, 10]])
GRADED = np.exp(-2.0 * np.arange(6))
EXACT_CASES = {
    "gaussian": gaussian_factors(),
    "columns over 1e-5": gaussian_factors(100) * GRADED,
    "rows over 1e5": gaussian_factors(100) / GRADED[:, None],
    "upper triangular": np.stack([UPPER] * 60),
    "lower triangular": np.stack([LOWER] * 60),
    "both, side by side": np.stack([blocks(UPPER, LOWER)] * 60),
    "diagonal with repeated values": np.stack([np.diag([0.5, 0.5, 2, 2, 1e-3])] * 60),
    "orthogonal": np.stack([random_orthogonal(5, seed).numpy() for seed in range(30)]),
    "one factor": gaussian_factors(1),
    "one unit": gaussian_factors(20, 1),
}


@pytest.mark.parametrize("factors", EXACT_CASES.values(), ids=EXACT_CASES.keys())
def test_all_singular_values_equal_exact_arithmetic(factors):
    result = product_spectrum(factors)
    exact = exact_log_singular_values(factors)
    assert result.reason is None
    assert np.abs(result.log_singular_values - exact).max() < 1e-9


def test_singular_values_that_differ_by_hundreds_of_nats_are_all_kept():
    factors = gaussian_factors(100) * GRADED
    values = product_spectrum(factors).log_singular_values
    assert values[0] - values[-1] > 800  # e^-800 of the largest: no float64 matrix holds both
    naive = np.linalg.svd(np.linalg.multi_dot(factors[::-1]), compute_uv=False)
    with np.errstate(divide="ignore"):
        assert np.abs(np.log(naive[1:]) - values[1:]).min() > 20  # an SVD of the product keeps the first alone


@pytest.mark.parametrize(("cell", "options"), CONFIGURATIONS, ids=CONFIGURATION_NAMES)
def test_product_carries_the_recorded_gradient_and_the_reversed_order_does_not(cell, options):
    """dL/dh_k = the product's hᵀ block times dL/dh_T. Fails with the order reversed, and for an LSTM without c."""
    model = make_model(cell, options, hidden_size=6, seed=2)
    with torch.no_grad():
        for parameter in model.recurrent.parameters():
            parameter.mul_(2)
    inputs = torch.randn(9, 1, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    trace = record(model, inputs, lambda outputs: outputs[-1].sum())
    J = step_jacobians(trace.top).matrices[:, 0]
    k, T = 2, 8  # positions from 0
    total = trace.total_grad_hidden[0, :, 0].numpy()
    direct = np.concatenate([total[T], np.zeros(len(J[0]) - 6)])

    right = np.linalg.multi_dot(J[k + 1 :][::-1])
    assert np.abs((right.T @ direct)[:6] - total[k]).max() < 1e-13
    assert product_spectrum(J[k + 1 :]).log_singular_values[0] == pytest.approx(math.log(np.linalg.norm(right, 2)))
    assert product_log_norms(J)[T - k] == pytest.approx(math.log(np.linalg.norm(right, 2)))

    scale = np.abs(total[k]).max()
    if options.get("nonlinearity") != "identity":  # a linear network's factors are all W
        reversed_order = np.linalg.multi_dot(J[k + 1 :])
        assert np.abs((reversed_order.T @ direct)[:6] - total[k]).max() > 0.05 * scale
        largest = [product_spectrum(order).log_singular_values[0] for order in (J[k + 1 :], J[k + 1 :][::-1])]
        assert abs(largest[0] - largest[1]) > 5e-3
    if cell == "lstm":
        without_c = np.linalg.multi_dot(J[k + 1 :, :6, :6][::-1])
        assert np.abs(without_c.T @ direct[:6] - total[k]).max() > 0.2 * scale
        assert product_spectrum(J[:, :6, :6]).rates[0] < product_spectrum(J).rates[0] - 0.2


@pytest.mark.parametrize("fixed", ["end", "start"])
def test_log_norms_over_lag_equal_a_fresh_product_at_each_lag(fixed):
    J = gaussian_factors(12)
    log_norms = product_log_norms(J, fixed)
    assert log_norms[0] == 0
    for lag in range(1, 13):
        P = np.eye(6)
        for factor in J[12 - lag :] if fixed == "end" else J[:lag]:
            P = factor @ P
        assert log_norms[lag] == pytest.approx(math.log(np.linalg.norm(P, 2)), abs=1e-12)


@pytest.mark.parametrize("factor", [2.0, 0.5])
def test_norms_of_5000_steps_stay_right(factor):
    J = np.broadcast_to(factor * random_orthogonal(4).numpy(), (5000, 4, 4))
    assert np.abs(product_log_norms(J) - math.log(factor) * np.arange(5001)).max() < 1e-8
    assert np.abs(product_spectrum(J).log_singular_values - 5000 * math.log(factor)).max() < 1e-8


def test_a_singular_factor_gives_minus_infinity_and_the_right_rest():
    J = gaussian_factors(20)
    J[3, :, 2:] = 0
    values = product_spectrum(J).log_singular_values
    assert np.isneginf(values[2:]).all()
    exact = np.linalg.svd(np.linalg.multi_dot(J[::-1]), compute_uv=False)[:2]
    assert np.allclose(values[:2], np.log(exact), atol=1e-10)
    J[7] = 0
    assert np.isneginf(product_spectrum(J).log_singular_values).all()
    assert np.isneginf(product_log_norms(J)[13:]).all()
    assert np.isfinite(product_log_norms(J)[:13]).all()


def test_parallel_rows_have_one_singular_value_of_zero():
    values = log_singular_values(np.array([-900.0, 900.0]), np.array([[3.0, 4.0], [3.0, 4.0]]))
    assert values[0] == pytest.approx(900 + math.log(5))
    assert values[1] < -900


@pytest.mark.unchecked
def test_bad_factors_are_named_or_reported():
    with pytest.raises(ValueError, match="factors have shape"):
        product_spectrum(np.zeros((4, 3, 2)))
    with pytest.raises(ValueError, match="factors have shape"):
        product_log_norms(np.zeros((0, 3, 3)))
    with pytest.raises(ValueError, match="fixed was"):
        product_log_norms(np.zeros((1, 3, 3)), "both")
    with pytest.raises(ValueError, match="rows"):
        log_singular_values(np.zeros(2), np.full((2, 2), np.nan))
    J = gaussian_factors(5)
    J[2, 0, 0] = np.inf
    assert "diverged" in product_spectrum(J).reason
    assert np.isnan(product_spectrum(J).log_singular_values).all()
    assert np.isnan(product_log_norms(J)).tolist() == [False] * 3 + [True] * 3


def test_a_decomposition_that_does_not_converge_is_a_reason_not_a_crash(monkeypatch):
    monkeypatch.setattr(graded, "MOST_SWEEPS", 1)
    result = product_spectrum(gaussian_factors())
    assert result.reason == "Jacobi rotations did not converge in 1 sweeps."
    assert np.isnan(result.log_singular_values).all()


@pytest.mark.parametrize("size", [1e-320, 1e-200, 1e200, 1e308])
def test_norms_of_factors_near_the_ends_of_float64(size):
    factors = np.full((4, 1, 1), -size)
    assert product_log_norms(factors) == pytest.approx(np.log(size) * np.arange(5), rel=1e-4)

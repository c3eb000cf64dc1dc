"""Lyapunov spectra against exact answers, exact sums, and finite-time singular values."""

import math

import numpy as np
import pytest
import torch
from oracles import last_step_loss, make_model
from scipy.special import digamma

from analysis.jacobian import step_jacobians
from analysis.lyapunov import (
    lyapunov,
    lyapunov_autonomous,
    lyapunov_driven,
    lyapunov_of_jacobians,
    qr_recursion,
)
from analysis.product import product_spectrum
from models import record


def gaussian_jacobians(steps, n, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(n, n, dtype=torch.float64, generator=generator) / n**0.5 for _ in range(steps)]


def newman(n):
    """Exact exponents of products of independent Gaussian matrices of variance 1/n (Newman 1986)."""
    i = np.arange(1, n + 1)
    return 0.5 * (math.log(2 / n) + digamma((n - i + 1) / 2))


def lstm_pass(seq_len=400, scale=2.0):
    model = make_model("lstm", {}, hidden_size=8)
    with torch.no_grad():
        for parameter in model.recurrent.parameters():
            parameter.mul_(scale)
    inputs = torch.randn(seq_len, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    return model, record(model, inputs, last_step_loss), inputs


def test_standard_errors_are_calibrated():
    """Over 60 products of Gaussian matrices, the errors made are as large as the errors stated."""
    results = [lyapunov_of_jacobians(gaussian_jacobians(400, 4, seed), 400, 4, transient=20) for seed in range(60)]
    scores = np.array([(r.exponents - newman(4)) / r.standard_error for r in results])
    assert 0.8 < np.sqrt((scores**2).mean()) < 1.25
    assert np.abs(scores.mean(axis=0)).max() < 0.5


def test_constant_triangular_matrix_gives_its_eigenvalues():
    J = torch.tensor([[0.5, 9, -3], [0, 2, 5], [0, 0, 0.1]], dtype=torch.float64)
    result = lyapunov_of_jacobians([J] * 300, 300, 3, transient=100)
    assert np.abs(result.exponents - np.log([2, 0.5, 0.1])).max() < 1e-10
    assert result.standard_error.max() < 1e-10
    assert (result.steps, result.transient, result.state_size, result.reason) == (200, 100, 3, None)


def test_exponents_sum_to_the_mean_log_determinant_of_the_joint_state():
    """Exact for any Q: Σλ = mean ln|det J|. With h alone, the LSTM's sum is another."""
    _, trace, _ = lstm_pass()
    result = lyapunov(trace.top, transient=40)
    J = step_jacobians(trace.top).matrices[40:, 0]
    assert result.exponents.shape == (16,)
    # J is nearly singular, and ln|det J| known only to the rounding times its condition number.
    rounding = np.finfo(float).eps * np.linalg.cond(J).max()
    assert result.exponents.sum() == pytest.approx(np.linalg.slogdet(J)[1].mean(), abs=16 * rounding)
    assert rounding < 1e-6
    assert abs(result.exponents[0] - product_spectrum(J).rates[0]) < 0.03
    h_alone = lyapunov_of_jacobians(torch.from_numpy(J[:, :8, :8]), len(J), 8, transient=0)
    assert h_alone.exponents[0] < result.exponents[0] - 0.2


def test_order_of_the_steps_matters():
    """Time-varying and non-normal: finite-time rates follow J[T] … J[1], and not the reversed product."""
    J = torch.stack(gaussian_jacobians(24, 3))
    J[::2] *= torch.tensor([30.0, 1, 0.03])  # columns: large, and undone by nothing
    forward = lyapunov_of_jacobians(J, 24, 3, transient=0).exponents
    assert np.abs(forward - product_spectrum(J.numpy()).rates).max() < 0.1
    cut = torch.cat([J[:12], J[:12].flip(0)])
    a, b = (lyapunov_of_jacobians(x, 24, 3, transient=8).exponents for x in (J, J.flip(0)))
    assert np.abs(a - b).max() > 0.02
    assert lyapunov_of_jacobians(cut, 24, 3, transient=0).exponents.sum() == pytest.approx(
        np.linalg.slogdet(cut.numpy())[1].mean()
    )


@pytest.mark.parametrize("spread", [0.0, 0.5, 2.0, 4.0])
def test_waiting_with_qr_changes_nothing(spread):
    generator = torch.Generator().manual_seed(0)
    grading = torch.exp(-spread * torch.arange(6, dtype=torch.float64))
    J = [torch.randn(6, 6, dtype=torch.float64, generator=generator) * grading for _ in range(160)]
    J[80] = J[80] * torch.exp(-2 * torch.arange(6.0))  # a sudden step that the last ones did not announce
    every_step, Q = np.zeros(6), torch.eye(6, dtype=torch.float64)
    for factor in J:
        Q, R = torch.linalg.qr(factor @ Q)
        every_step += R.diagonal().abs().log().numpy()
    calls = list(qr_recursion(J, torch.eye(6, dtype=torch.float64), {160}))
    assert np.abs(sum(log for _, log in calls) - every_step).max() < 1e-6
    assert len(calls) < (100 if spread < 1 else 161)
    assert calls[-1][0] == 160


def test_a_few_exponents_are_the_first_of_all():
    _, trace, _ = lstm_pass()
    everything, few = lyapunov(trace.top), lyapunov(trace.top, count=3)
    assert np.abs(few.exponents - everything.exponents[:3]).max() < 0.02


def test_driven_and_recorded_agree():
    model, trace, inputs = lstm_pass()
    driven = lyapunov_driven(model.recurrent.cell(0), inputs[:, 1])
    recorded = lyapunov(trace.top, sample=1)
    assert np.abs(driven.exponents - recorded.exponents).max() < 1e-9


def test_autonomous_chaos_and_rest():
    """tanh, no input: ln of the spectral radius below gain 1; positive above (FACTS A9 has the numbers)."""
    model = make_model("elman", {"nonlinearity": "tanh"}, hidden_size=40)
    cell = model.recurrent.cell(0)
    with torch.no_grad():
        for parameter in model.recurrent.parameters():
            parameter.zero_()
        W = torch.randn(40, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) / 40**0.5
        cell.weight_hh.copy_(3 * W)
    start = (torch.ones(40),)
    assert lyapunov_autonomous(cell, start, 2000, count=1).exponents[0] > 0.1
    with torch.no_grad():
        cell.weight_hh.copy_(0.5 * W)
    at_rest = lyapunov_autonomous(cell, (torch.zeros(40),), 500, count=2).exponents[0]
    assert at_rest == pytest.approx(float(torch.linalg.eigvals(0.5 * W).abs().max().log()), abs=5e-3)


def test_too_short_diverged_and_singular_say_so():
    model, trace, inputs = lstm_pass(seq_len=17)
    assert lyapunov(trace.top).reason is None  # 17 − 1 steps are just enough
    shorter = lyapunov(trace.top, transient=2)
    assert "Only 15 steps" in shorter.reason
    assert np.isnan(shorter.exponents).all()

    inputs[9] = torch.inf
    diverged = lyapunov_driven(model.recurrent.cell(0), torch.cat([inputs, inputs])[:, 0])
    assert "not finite" in diverged.reason

    J = gaussian_jacobians(50, 3)
    for factor in J:
        factor[:, 2] = 0
    singular = lyapunov_of_jacobians(J, 50, 3)
    assert np.isneginf(singular.exponents[2])
    assert np.isfinite(singular.exponents[:2]).all()
    assert np.isfinite(singular.standard_error[:2]).all()
    assert "singular" in singular.reason
    zero = lyapunov_of_jacobians([torch.zeros(3, 3, dtype=torch.float64)] * 50, 50, 3)
    assert np.isneginf(zero.exponents).all()


@pytest.mark.unchecked
def test_wrong_arguments_are_named():
    model, trace, inputs = lstm_pass(seq_len=20)
    cell = model.recurrent.cell(0)
    with pytest.raises(ValueError, match="sample was 2"):
        lyapunov(trace.top, sample=2)
    with pytest.raises(ValueError, match="count was 17"):
        lyapunov(trace.top, count=17)
    with pytest.raises(ValueError, match="transient was -1"):
        lyapunov(trace.top, transient=-1)
    with pytest.raises(ValueError, match="inputs have shape"):
        lyapunov_driven(cell, inputs)
    with pytest.raises(ValueError, match="start must be 2 tensors"):
        lyapunov_autonomous(cell, (torch.zeros(8),), 50)
    with pytest.raises(ValueError, match="steps was 0"):
        lyapunov_autonomous(cell, (torch.zeros(8), torch.zeros(8)), 0)


@pytest.mark.parametrize("scale", [1e-200, 1e-20, 1e-11, 1.0, 1e11])
def test_exponents_do_not_depend_on_the_size_of_the_steps(scale):
    """Ten of every forty steps are far from orthogonal: QR must not wait there, however small the numbers are."""
    generator = torch.Generator().manual_seed(0)
    graded = torch.diag(torch.exp(-3.0 * torch.arange(4, dtype=torch.float64)))
    J = []
    for t in range(120):
        Q, _ = torch.linalg.qr(torch.randn(4, 4, dtype=torch.float64, generator=generator))
        J.append(Q @ graded if t % 40 >= 30 else Q)
    exponents = lyapunov_of_jacobians(J, 120, 4, transient=0).exponents
    scaled = lyapunov_of_jacobians([scale * factor for factor in J], 120, 4, transient=0).exponents
    assert scaled - math.log(scale) == pytest.approx(exponents, abs=1e-6)


def steady(rates, count=None):
    """Exponents of one diagonal matrix, which are its rates."""
    J = torch.diag(torch.tensor(rates, dtype=torch.float64).exp())
    return lyapunov_of_jacobians([J] * 300, 300, len(rates), count, transient=250)


@pytest.mark.parametrize(
    ("rates", "dimension", "entropy"),
    [
        ([0.5, 0.1, -0.4, -1.0], 3.2, 0.6),  # 3 + (.5 + .1 − .4)/1
        ([0.3, -0.6, -2.0], 1.5, 0.3),
        ([-0.1, -0.2], 0.0, 0.0),
        ([0.2, 0.1], 2.0, 0.3),  # the sum never falls below 0: the whole state
    ],
)
def test_the_dimension_and_the_entropy_of_a_known_spectrum(rates, dimension, entropy):
    found = steady(rates)
    assert found.kaplan_yorke_dimension == pytest.approx(dimension, abs=1e-9)
    assert found.entropy_rate == pytest.approx(entropy, abs=1e-9)


def test_too_few_exponents_give_no_dimension_and_no_entropy():
    rates = [0.5, 0.1, -0.4, -1.0]
    assert np.isnan([steady(rates, 2).kaplan_yorke_dimension, steady(rates, 2).entropy_rate]).all()
    assert steady(rates, 3).entropy_rate == pytest.approx(0.6), (
        "the third is below 0, so that all positive ones are there"
    )
    assert np.isnan(steady(rates, 3).kaplan_yorke_dimension)

"""The identities A1 … A15, by name: each number from theory or from the literature, at its tolerance."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from oracles import last_step_loss, linear_model, make_model, random_orthogonal
from scipy.special import digamma

from analysis.clipping import clip
from analysis.jacobian import state_jacobian, step_jacobians
from analysis.lyapunov import lyapunov_autonomous, lyapunov_driven, lyapunov_of_jacobians, run
from analysis.paths import paths
from analysis.penalty import norm_penalty
from analysis.product import product_log_norms, product_spectrum
from analysis.profile import profile
from analysis.scalar import doya_fold_biases, error_surface, latch
from analysis.spectrum import spectrum
from analysis.theory import critical_gain, effective_gain, gradient_bound, mean_field
from models import SequenceModel, record
from models.cells.elman.step import STEEPEST, ElmanCell
from models.cells.gru.step import GRUCell
from models.cells.registry import CELLS
from models.networks.initialise import gaussian, set_gate_bias_

F64 = torch.float64


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def tanh_cell(W, input_deviation=0.0):
    """A tanh unit for each row of W, each with an input of its own."""
    N = len(W)
    zeros = torch.zeros(N, dtype=F64)
    return ElmanCell(input_deviation * torch.eye(N, dtype=F64), W, zeros, zeros)


@pytest.mark.parametrize(("s", "expected"), [(0.9, 2.656e-5), (1.1, 13780.6), (1.0, 1.0)])
def test_a1_linear_orthogonal_network_scales_every_vector_by_s_to_the_t(s, expected):
    T = 100
    model = linear_model(s * random_orthogonal(16))
    trace = record(model, torch.randn(T, 1, 1, dtype=F64, generator=generator()), last_step_loss)
    J = step_jacobians(trace.top).matrices[:, 0]
    v = torch.randn(16, dtype=F64, generator=generator(1)).numpy()
    carried = v
    for J_t in J:
        carried = J_t @ carried
    ratio = np.linalg.norm(carried) / np.linalg.norm(v)
    assert ratio == pytest.approx(s**T, rel=1e-10)
    assert ratio == pytest.approx(expected, rel=1e-4)
    assert np.exp(product_spectrum(J).log_singular_values) == pytest.approx(np.full(16, s**T), rel=1e-10)


@dataclass(frozen=True, eq=False)
class SigmoidCell(ElmanCell):
    """h = σ(W_ih x + b_ih + W_hh h' + b_hh): without a closed form here, so that autodiff takes over."""

    def step(self, x_t, state):
        return (torch.sigmoid(x_t @ self.weight_ih.T + self.bias_ih + state[0] @ self.weight_hh.T + self.bias_hh),), {}


@pytest.mark.parametrize(("cell", "nonlinearity"), [("elman", "tanh"), ("sigmoid", "sigmoid")])
@pytest.mark.parametrize("gain", [0.3, 1.0, 3.0])
def test_a2_products_never_exceed_the_bound(cell, nonlinearity, gain, monkeypatch):
    monkeypatch.setitem(CELLS, "sigmoid", SigmoidCell)
    for seed in range(3):
        model = make_model(cell, {}, hidden_size=12, seed=seed)
        model.recurrent.weight_hh_l0.data = gaussian(12, gain, generator(seed))
        inputs = torch.randn(40, 3, 3, dtype=F64, generator=generator(seed))
        trace = record(model, inputs, last_step_loss)
        log_bound = math.log(STEEPEST[nonlinearity] * spectrum(model.recurrent.weight_hh_l0).spectral_norm)
        J = step_jacobians(trace.top, samples=None).matrices
        for b in range(3):
            for k in range(0, 40, 5):
                log_norms = product_log_norms(J[k:, b], "start")
                assert (log_norms <= log_bound * np.arange(len(log_norms)) + 1e-9).all()
        bound = gradient_bound(trace.top, math.exp(log_bound) / STEEPEST[nonlinearity], STEEPEST[nonlinearity])
        assert (profile(trace.top).median <= bound + 1e-9).all()


def test_a3_exponents_of_gaussian_products_are_newmans():
    N, steps = 32, 4000
    g = generator()
    J = (torch.randn(N, N, dtype=F64, generator=g) * N**-0.5 for _ in range(steps))
    result = lyapunov_of_jacobians(J, steps, N, transient=0)
    i = np.arange(1, N + 1)
    newman = 0.5 * (math.log(2 / N) + digamma((N - i + 1) / 2))
    assert np.abs(result.exponents - newman).max() < 0.03
    assert np.abs((result.exponents - newman) / result.standard_error).max() < 5


@pytest.mark.parametrize("reset_after", [True, False])
def test_a4_gru_at_rest_is_half_the_identity_and_a_quarter_of_w(reset_after):
    H = 8
    W = torch.randn(3 * H, H, dtype=F64, generator=generator())
    zeros = torch.zeros(3 * H, dtype=F64)
    cell = GRUCell(torch.zeros(3 * H, 2, dtype=F64), W, zeros, zeros, reset_after=reset_after)
    (J,) = state_jacobian(run(cell, torch.zeros(1, 2, dtype=F64), None))
    assert torch.allclose(J, 0.5 * torch.eye(H, dtype=F64) + 0.25 * W[2 * H :], rtol=0, atol=1e-14)


@pytest.mark.parametrize(("bias", "expected"), [(0.0, 7.9e-31), (1.0, 2.5e-14), (2.0, 3.1e-6)])
def test_a5_lstm_direct_path_is_the_product_of_forget_gates(bias, expected):
    """100 steps with nothing else in the cell: dL/dc falls by σ(b)^100, and by the direct path alone."""
    T, H = 101, 4
    model = make_model("lstm", {}, hidden_size=H)
    with torch.no_grad():
        for name, parameter in model.recurrent.named_parameters():
            parameter.data *= 0.0 if "hh" in name or "bias" in name else 1.0
    model.recurrent.weight_ih_l0.data[H : 2 * H] = 0
    set_gate_bias_(model.recurrent, "f", bias)
    trace = record(model, torch.randn(T, 2, 3, dtype=F64, generator=generator()), last_step_loss)
    f = 1 / (1 + math.exp(-bias))
    result = paths(trace.top)
    fall = result.direct_path_log_norm[0] - result.direct_path_log_norm[-1]
    assert np.exp(fall) == pytest.approx(np.full(2, f**100), rel=1e-12)
    assert np.exp(fall) == pytest.approx(np.full(2, expected), rel=0.02)
    assert np.abs(result.total_log_norm - result.direct_path_log_norm).max() < 1e-12
    J = step_jacobians(trace.top).matrices[1:, 0, H:, H:]
    assert np.diag(np.linalg.multi_dot(J[::-1])) == pytest.approx(np.full(H, f**100), rel=1e-12)


def test_a6_gaussian_norm_and_radius_at_128():
    spectra = [spectrum(gaussian(128, 1.0, generator(seed))) for seed in range(40)]
    norms, radii = np.array([[s.spectral_norm, s.spectral_radius] for s in spectra]).T
    assert (np.abs(norms - 1.967) < 4 * 0.032).all()
    assert (np.abs(radii - 1.049) < 4 * 0.034).all()
    assert abs(norms.mean() - 1.967) < 4 * 0.032 / math.sqrt(40)
    assert abs(radii.mean() - 1.049) < 4 * 0.034 / math.sqrt(40)


def test_a7_torchs_default_shrinks_at_its_radius_though_its_norm_is_above_1():
    H = 256
    model = make_model("elman", {}, hidden_size=H)
    W = model.recurrent.weight_hh_l0
    assert effective_gain(W) == pytest.approx(0.577, abs=0.01)
    s = spectrum(W)
    assert s.spectral_norm == pytest.approx(1.155, abs=0.05)
    assert s.spectral_radius == pytest.approx(0.6, abs=0.05)
    trace = record(model, torch.zeros(40, 4, 3, dtype=F64), last_step_loss)
    assert profile(trace.top).decay.factor == pytest.approx(0.6, abs=0.06)


@pytest.mark.parametrize(("gain", "variance", "expected"), [(1.0, 0.25, -0.2725), (2.0, 1.0, 0.0460)])
def test_a8_top_exponent_of_a_driven_tanh_network_is_the_mean_field_rate(gain, variance, expected):
    N, T = 512, 1000
    rate = mean_field(gain, variance).rate
    assert rate == pytest.approx(expected, abs=5e-5)
    g = generator()
    cell = tanh_cell(gaussian(N, gain, g), math.sqrt(variance))
    result = lyapunov_driven(cell, torch.randn(T, N, dtype=F64, generator=g), count=1, transient=200)
    assert abs(result.exponents[0] - rate) < 0.015
    assert result.standard_error[0] < 0.003


def test_a9_autonomous_below_1_the_top_exponent_is_ln_of_the_radius():
    W = gaussian(64, 1.0, generator())
    W = 0.9 * W / torch.linalg.eigvals(W).abs().max()
    result = lyapunov_autonomous(tanh_cell(W), (torch.randn(64, generator=generator(1)),), 4000, count=1)
    assert abs(result.exponents[0] - math.log(0.9)) < 1e-3


@pytest.mark.parametrize(("gain", "expected"), [(2.0, 0.15), (3.0, 0.30)])
def test_a9_autonomous_chaos_above_gain_1(gain, expected):
    exponents = []
    for seed in range(3):
        cell = tanh_cell(gaussian(256, gain, generator(seed)))
        start = (torch.randn(256, generator=generator(100 + seed)),)
        exponents.append(lyapunov_autonomous(cell, start, 1500, count=1, transient=300).exponents[0])
    assert min(exponents) > 0.05
    assert abs(np.mean(exponents) - expected) < 0.02


def test_a10_critical_gain_rises_with_the_input_variance():
    for variance, expected in {0: 1.0, 0.01: 1.193, 0.1: 1.409, 0.25: 1.550, 1: 1.856}.items():
        assert critical_gain(variance) == pytest.approx(expected, abs=1e-3)


def test_a11_doyas_unit_folds():
    assert doya_fold_biases(5) == pytest.approx((-2.6556, -2.3444), abs=1e-4)


def test_a12_pascanus_error_surface_has_a_wall():
    """On the 201 × 201 grid; a finer one comes closer to the fold and finds steeper places."""
    surface = error_surface(np.linspace(0, 7, 201), np.linspace(-4, 0, 201))
    row, column = np.unravel_index(surface.slope.argmax(), surface.slope.shape)
    assert surface.slope.max() == pytest.approx(440, rel=0.05)
    assert surface.weight[column] == pytest.approx(4.69, abs=0.02)
    assert surface.bias[row] == pytest.approx(-2.42, abs=0.01)
    assert np.median(surface.slope) == pytest.approx(0.06, rel=0.05)


def test_a13_latching_implies_vanishing():
    result = latch(1.25, 0.0)
    assert result.largest_bias == pytest.approx(0.0778, abs=1e-4)
    assert result.slopes[[0, -1]] == pytest.approx([0.619, 0.619], abs=5e-4)
    assert latch(1.25, 0.0777).bistable
    assert not latch(1.25, 0.0779).bistable
    for weight in (1.05, 1.25, 2.0, 5.0):
        bias = 0.99 * latch(weight, 0).largest_bias
        held = latch(weight, bias)
        assert len(held.fixed_points) == 3
        assert (held.slopes[[0, 2]] < 1).all()  # stable, so that the gradient of what is held vanishes
        assert held.slopes[1] > 1


@pytest.mark.parametrize("threshold", [0.01, 1.0, 1e6])
def test_a14_norm_clipping_leaves_the_smaller_of_norm_and_threshold(threshold):
    model = make_model("lstm", {})
    trace = record(model, torch.randn(20, 4, 3, dtype=F64, generator=generator()), last_step_loss)
    result = clip(trace.parameter_grads, threshold)
    flat = torch.cat([g.flatten() for g in trace.parameter_grads.values()])
    clipped = torch.cat([g.flatten() for g in result.grads.values()])
    assert clipped.norm().item() == pytest.approx(min(flat.norm().item(), threshold), rel=1e-6)
    assert (clipped @ flat / clipped.norm() / flat.norm()).item() == pytest.approx(1, abs=1e-6)
    assert result.cosine == pytest.approx(1, abs=1e-6)


def test_a15_pascanus_omega_is_zero_for_a_linear_orthogonal_network():
    model = linear_model(random_orthogonal(12))
    trace = record(model, torch.randn(60, 3, 1, dtype=F64, generator=generator()), last_step_loss)
    assert norm_penalty(trace.top).omega.max() < 1e-12
    shrinking = linear_model(0.9 * random_orthogonal(12))
    trace = record(shrinking, torch.randn(60, 3, 1, dtype=F64, generator=generator()), last_step_loss)
    assert norm_penalty(trace.top).omega == pytest.approx(np.full(3, 59 * 0.1**2))


def test_trap_the_median_follows_theory_where_the_mean_does_not():
    """E‖W^k v‖² = 1 at gain 1 needs independent matrices, or k far below √N.

    With one tied W, N = 128 and k = 50, rare matrices carry the mean to hundreds; the median stays near, and the rate
    per step that it gives is right. Theory here is that of a linear network: χ = g² = 1.
    """
    N, draws, steps = 128, 400, 50
    g = generator()
    W = N**-0.5 * torch.randn(draws, N, N, generator=g)
    v = torch.randn(draws, N, 1, generator=g)
    v = v / v.norm(dim=1, keepdim=True)
    squares = {}
    for k in range(1, steps + 1):
        v = W @ v
        squares[k] = (v.norm(dim=1)[:, 0] ** 2).double()
    assert squares[5].mean().item() == pytest.approx(1, abs=0.15)  # k far below √N: both are right
    assert squares[5].median().item() == pytest.approx(1, abs=0.15)
    mean, median = squares[50].mean().item(), squares[50].median().item()
    assert mean > 200
    assert median < 8
    assert abs(math.log(median) / 50) < 0.04  # nats per step of the square: the rate 0 of theory
    assert math.log(mean) / 50 > 0.1

    independent = torch.ones(draws, dtype=F64)  # ‖W v‖² of a fresh W is a mean of N squares, whatever v
    for _ in range(steps):
        independent *= (torch.randn(draws, N, dtype=F64, generator=g) ** 2).mean(dim=1)
    assert independent.mean().item() == pytest.approx(1, abs=0.2)


def test_a1_holds_through_a_whole_model_in_float32():
    """The same identity as the recorded profile shows it, in the dtype that people train in."""
    model = SequenceModel("elman", 1, 16, 1, nonlinearity="identity", dtype=torch.float32)
    with torch.no_grad():
        model.recurrent.weight_hh_l0.copy_(0.9 * random_orthogonal(16))
    trace = record(model, torch.randn(101, 2, 1, generator=generator()), lambda outputs: outputs[-1].sum())
    fall = trace.log_norm[0, 0] - trace.log_norm[0, -1]
    assert fall.tolist() == pytest.approx([100 * math.log(0.9)] * 2, rel=1e-5)

"""Mean field against Monte Carlo and limits; the bound against its recursion; the gain of a matrix."""

import math

import numpy as np
import pytest
import torch
from oracles import LOSSES, last_step_loss, make_model

from analysis.figures.theory import mean_field_picture
from analysis.lyapunov import lyapunov
from analysis.profile import profile
from analysis.spectrum import spectrum
from analysis.theory import (
    critical_gain,
    effective_gain,
    gaussian_mean,
    gradient_bound,
    mean_field,
    measured_mean_field,
    rate_over_gain,
    wide_gaussian_mean,
)
from models import record


@pytest.mark.parametrize("variance", [0.0, 1e-8, 0.1, 1.0, 30.0, 1000.0])
def test_gaussian_mean_of_polynomials_is_exact(variance):
    assert gaussian_mean(lambda a: np.ones_like(a), variance) == pytest.approx(1, rel=1e-14)
    assert gaussian_mean(lambda a: a**2, variance) == pytest.approx(variance, rel=1e-13)
    assert gaussian_mean(lambda a: a**4, variance) == pytest.approx(3 * variance**2, rel=1e-12)


@pytest.mark.parametrize("variance", [0.3, 4.0, 100.0])
def test_gaussian_mean_of_slopes_equals_adaptive_quadrature(variance):
    from scipy.integrate import quad

    s = math.sqrt(variance)
    expected, _ = quad(
        lambda z: math.exp(-z * z / 2) / math.sqrt(2 * math.pi) / math.cosh(s * z) ** 4,
        -12,
        12,
        epsabs=1e-13,
        points=[0],
    )
    assert gaussian_mean(lambda a: (1 - np.tanh(a) ** 2) ** 2, variance) == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize(("gain", "variance"), [(0.5, 0.2), (1.0, 0.25), (2.0, 1.0), (3.0, 0.0)])
def test_mean_field_variance_is_its_own_next_step(gain, variance):
    m = mean_field(gain, variance)
    q = gain**2 * gaussian_mean(lambda a: np.tanh(a) ** 2, m.preactivation_variance) + variance
    assert m.preactivation_variance == pytest.approx(q, rel=1e-12)
    z = np.random.default_rng(0).normal(size=1_000_000)
    slopes = (1 - np.tanh(math.sqrt(q) * z) ** 2) ** 2
    assert abs(m.squared_slope - gain**2 * slopes.mean()) < 5 * gain**2 * slopes.std() / 1000


def test_limits():
    assert mean_field(0.8, 0).preactivation_variance == 0
    assert mean_field(0.8, 0).rate == pytest.approx(math.log(0.8))
    assert mean_field(0, 0.5).preactivation_variance == 0.5
    assert mean_field(0, 0.5).rate == -math.inf
    just_above = mean_field(1.001, 0)
    assert 0 < just_above.preactivation_variance < 2e-3
    assert mean_field(1.5, 1e6).rate < -2  # saturated by its inputs


def test_at_the_critical_gain_the_rate_is_zero():
    for variance in (1e-6, 0.05, 2.0, 50.0):
        assert abs(mean_field(critical_gain(variance), variance).rate) < 1e-9


@pytest.mark.parametrize("position", ["last", "every"])
@pytest.mark.parametrize(("num_layers", "bidirectional", "layer"), [(1, False, 0), (2, False, 0), (1, True, 1)])
def test_bound_is_above_every_profile(position, num_layers, bidirectional, layer):
    model = make_model("elman", {"nonlinearity": "tanh"}, num_layers=num_layers, bidirectional=bidirectional)
    inputs = torch.randn(25, 1, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    trace = record(model, inputs, LOSSES[position])
    W = dict(model.recurrent.named_parameters())["weight_hh_l0" + ("_reverse" if layer and bidirectional else "")]
    bound = gradient_bound(trace.layers[layer], spectrum(W).spectral_norm, 1.0)
    assert (profile(trace.layers[layer]).median <= bound + 1e-12).all()


@pytest.mark.parametrize("gain", [0.7, 1.0, 1.4])
def test_bound_is_the_profile_of_a_linear_orthogonal_network(gain):
    model = make_model("elman", {"nonlinearity": "identity"})
    with torch.no_grad():
        model.recurrent.weight_hh_l0.copy_(gain * orthogonal(model.recurrent.hidden_size))
    trace = record(model, torch.zeros(25, 1, 3, dtype=torch.float64), last_step_loss)
    bound = gradient_bound(trace.top, gain, 1.0)
    assert profile(trace.top).median == pytest.approx(bound, abs=1e-10)


def orthogonal(size: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(2)
    return torch.linalg.qr(torch.randn(size, size, dtype=torch.float64, generator=generator)).Q


def test_bound_counts_back_from_the_last_loss():
    model = make_model("elman", {"nonlinearity": "identity"})
    trace = record(model, torch.zeros(10, 1, 3, dtype=torch.float64), lambda outputs: outputs[-1].sum())
    bound = gradient_bound(trace.top, 0.5, 1.0)
    assert np.diff(bound) == pytest.approx(np.full(9, math.log(2)))
    assert bound[-1] == pytest.approx(profile(trace.top).median[-1])
    assert np.isneginf(gradient_bound(trace.top, 0.0, 1.0)[:-1]).all()


def test_effective_gain():
    W = torch.randn(400, 400, generator=torch.Generator().manual_seed(0))
    assert effective_gain(1.3 * W / 20) == pytest.approx(1.3, rel=0.01)
    assert effective_gain(np.zeros((3, 3))) == 0


@pytest.mark.unchecked
def test_a_matrix_without_an_effective_gain_is_refused():
    with pytest.raises(ValueError, match="weight has shape"):
        effective_gain(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="not finite"):
        effective_gain(np.full((2, 2), np.nan))


def test_measured_mean_field_takes_gain_and_drive_from_the_network():
    model = make_model("elman", {"nonlinearity": "tanh"}, hidden_size=64)
    inputs = torch.randn(25, 8, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    measured = measured_mean_field(record(model, inputs, LOSSES["last"]).top)
    W_ih, W_hh, b_ih, b_hh = (p.detach() for p in model.recurrent.parameters())
    assert measured.gain == pytest.approx(effective_gain(W_hh))
    assert measured.input_variance == pytest.approx(float(((inputs @ W_ih.T + b_ih + b_hh) ** 2).mean()))
    assert measured.rate == mean_field(measured.gain, measured.input_variance).rate
    gru = make_model("gru", {})
    with pytest.raises(ValueError, match="tanh Elman"):
        measured_mean_field(record(gru, inputs, LOSSES["last"]).top)


@pytest.mark.parametrize("bad", [-0.1, math.inf, math.nan])
def test_wrong_arguments_are_named(bad):
    with pytest.raises(ValueError, match="gain was"):
        mean_field(bad, 0)
    with pytest.raises(ValueError, match="input_variance was"):
        mean_field(1, bad)
    with pytest.raises(ValueError, match="input_variance was"):
        critical_gain(bad)


def test_the_mean_field_picture_names_the_critical_gain_and_puts_the_network_at_its_own():
    model = make_model("elman", {}, hidden_size=64)
    inputs = torch.randn(200, 1, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    trace = record(model, inputs, last_step_loss)
    theory, exponents = measured_mean_field(trace.top), lyapunov(trace.top)
    curve = rate_over_gain(np.linspace(0, 3, 13), theory.input_variance)
    assert np.isneginf(curve.rate[0])
    assert curve.rate[4] == mean_field(1.0, theory.input_variance).rate
    assert mean_field(curve.critical_gain, theory.input_variance).rate == pytest.approx(0, abs=1e-9)

    picture = mean_field_picture(theory, curve, exponents)
    assert f"below the critical {curve.critical_gain:.3g}" in picture.figure.layout.title.text
    drawn = {trace.name: (trace.x[0], trace.y[0]) for trace in picture.figure.data if len(trace.x) == 1}
    assert drawn["critical gain"] == (curve.critical_gain, 0)
    assert drawn["this network, measured"] == (theory.gain, exponents.exponents[0])


@pytest.mark.parametrize("variance", [1.1e6, 1e9, 1e40, 1e300])
def test_gaussian_mean_of_a_wide_gaussian(variance):
    """∫ sech⁴(a) da = 4/3 and ∫ (1 − tanh² a) da = 2, each times the density at 0, up to a share of 1/variance."""
    density = 1 / math.sqrt(2 * math.pi * variance)
    assert gaussian_mean(lambda a: (1 - np.tanh(a) ** 2) ** 2, variance) == pytest.approx(4 / 3 * density, rel=1e-6)
    assert gaussian_mean(lambda a: np.tanh(a) ** 2, variance) == pytest.approx(1 - 2 * density, abs=1e-9)


def test_the_two_grids_meet():
    for f in (lambda a: np.tanh(a) ** 2, lambda a: (1 - np.tanh(a) ** 2) ** 2):
        assert wide_gaussian_mean(f, 1e3) == pytest.approx(gaussian_mean(f, 1e6), rel=1e-12)


def test_a_mean_field_of_any_size_takes_no_time_and_what_has_none_is_refused():
    assert mean_field(1e20, 0.0).rate == pytest.approx(0.5 * math.log(1e20 * 4 / 3 / math.sqrt(2 * math.pi)), rel=1e-6)
    assert mean_field(1.0, 1e14).rate < -5
    assert critical_gain(1e12) > 1e3
    for arguments in ((1e200, 0.0), (1.0, math.inf), (math.nan, 0.0), (-1.0, 0.0)):
        with pytest.raises(ValueError, match=r"it must be a number from 0 to 1e\+150"):
            mean_field(*arguments)

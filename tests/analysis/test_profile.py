"""The gradient profile on networks whose answer is known, and its fit on profiles made for the purpose."""

import math

import numpy as np
import pytest
import torch
from oracles import last_step_loss, linear_model, make_model, random_orthogonal, with_arrays

from analysis.numbers import log_quantile
from analysis.profile import describe_horizon, fit_decay, profile, profile_of_sizes, smallest_log
from analysis.straight import least_squares_line, straight_span
from models import record


def linear_trace(factor, seq_len=120, dtype=torch.float64, seed=0):
    model = linear_model((factor * random_orthogonal(8, seed)).to(dtype), dtype)
    return record(model, torch.zeros(seq_len, 3, 1, dtype=dtype), lambda outputs: outputs[-1].sum())


@pytest.mark.parametrize("factor", [0.5, 0.9, 1.0, 1.1])
def test_decay_of_a_linear_orthogonal_network_is_exact(factor):
    p = profile(linear_trace(factor).top)
    assert p.decay.rate == pytest.approx(math.log(factor), abs=1e-12)
    assert p.decay.factor == pytest.approx(factor)
    assert p.decay.standard_error < 1e-12
    assert (p.decay.straight_from, p.decay.straight_until) == (0, 119)
    assert p.decay.intercept == pytest.approx(p.median[-1])
    assert p.decay.reason is None
    assert p.diverged == 0
    if factor < 1:
        assert p.decay.half_life == pytest.approx(math.log(2) / -math.log(factor))
        lag = math.floor(math.log(1e-7) / math.log(factor)) + 1
        assert p.horizon_lag == (lag if lag < 120 else None)
        assert p.horizon_t == (120 - lag if lag < 120 else None)
    else:
        assert p.decay.half_life is None
        assert p.horizon_lag is None


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("seed", range(5))
def test_a_rotation_has_neither_half_life_nor_direction_whatever_was_rounded(dtype, seed):
    """An orthogonal matrix keeps the gradient; what is left of a rate is the rounding of each step."""
    decay = profile(linear_trace(1.0, dtype=dtype, seed=seed).top).decay
    assert abs(decay.rate) < torch.finfo(dtype).eps
    assert (decay.direction, decay.half_life) == (0, None)
    assert decay.trend.startswith("no clear trend (")


@pytest.mark.parametrize(("rate", "direction"), [(-1e-17, 0), (1e-17, 0), (-1e-3, 0), (1e-3, 0), (-0.1, -1), (0.1, 1)])
def test_a_rate_has_a_direction_only_where_its_error_tells_it_from_zero(rate, direction):
    lag = np.arange(100.0)
    noise = 0.3 * np.random.default_rng(0).normal(size=100) if abs(rate) > 1e-9 else 0.0
    decay = fit_decay(rate * lag + noise)
    assert decay.direction == direction
    assert (decay.half_life is None) == (direction >= 0)
    assert decay.trend.startswith("×" if direction else "no clear trend (")
    assert (abs(decay.rate) > 2 * decay.standard_error) == (direction != 0)


def test_underflow_lag_is_where_float32_would_show_a_zero():
    p = profile(linear_trace(0.25, dtype=torch.float32).top)
    assert p.underflow_log == pytest.approx(math.log(2.0**-149))
    assert p.underflow_lag == 75  # 4^-75 = 2^-150
    assert p.underflow_log == smallest_log(torch.float32)


def test_reverse_direction_counts_its_lag_from_the_first_timestep():
    model = make_model("elman", {}, bidirectional=True)
    inputs = torch.randn(30, 4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    trace = record(model, inputs, lambda outputs: outputs[0].sum())
    p = profile(trace.layers[1])
    assert p.lag.tolist() == list(range(30))
    assert p.decay.rate < 0
    assert np.isfinite(p.median).all()
    assert np.isneginf(profile(trace.layers[0]).median[1:]).all()  # forwards, only h_1 reaches the output at t = 1


def test_quantiles_are_of_the_batch():
    model = make_model("gru", {})
    inputs = torch.randn(12, 11, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    trace = record(model, inputs, last_step_loss)
    p = profile(trace.top)
    values = np.sort(trace.log_norm[0].numpy(), axis=-1)
    assert np.array_equal(p.median, values[:, 5])
    assert np.array_equal(p.low, values[:, 1])
    assert np.array_equal(p.high, values[:, 9])


AUTOREGRESSIONS = {"independent": 0.0, "correlated": 0.5, "a running sum": 1.0}


@pytest.mark.parametrize("rho", AUTOREGRESSIONS.values(), ids=AUTOREGRESSIONS.keys())
@pytest.mark.parametrize("n", [50, 200])
def test_standard_error_is_calibrated(rho, n):
    """Over 300 profiles the slopes scatter as much as their standard errors say, within 1.35."""
    generator = np.random.default_rng(0)
    slopes, errors = [], []
    for _ in range(300):
        u = np.zeros(n + 100)
        for t, e in enumerate(0.1 * generator.normal(size=n + 99), start=1):
            u[t] = rho * u[t - 1] + e
        slope, _, error = least_squares_line(3 - 0.2 * np.arange(n) + u[100:])
        slopes.append(slope)
        errors.append(error)
    assert abs(np.mean(slopes) + 0.2) < 4 * np.std(slopes) / math.sqrt(300)
    assert 1 / 1.35 < np.std(slopes) / np.sqrt(np.mean(np.square(errors))) < 1.35


def test_standard_error_covers_what_other_inputs_would_give():
    """The same network over 20 usual batches: rates scatter no more than twice what one batch's error says."""
    model = make_model("elman", {}, hidden_size=32)
    model.recurrent.weight_hh_l0.data *= 1.5
    decays = []
    for seed in range(20):
        inputs = torch.randn(80, 16, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        decays.append(profile(record(model, inputs, last_step_loss).top).decay)
    scatter = np.std([d.rate for d in decays], ddof=1)
    stated = np.sqrt(np.mean([d.standard_error**2 for d in decays]))
    assert 0.4 < scatter / stated < 2


@pytest.mark.parametrize("knee", [20, 65, 80])
def test_the_knee_is_found(knee):
    lag = np.arange(101.0)
    y = np.where(lag <= knee, -0.5 * lag, -0.5 * knee - 0.01 * (lag - knee))
    y += 0.01 * np.random.default_rng(0).normal(size=101)
    start, end = straight_span(y)
    if knee < 50:
        assert abs(start - knee) <= 2
        assert end == 100
    else:
        assert start == 0
        assert abs(end - knee) <= 2
    assert fit_decay(y).rate == pytest.approx(-0.5 if knee >= 50 else -0.01, abs=2e-3)


def test_a_straight_profile_is_kept_whole():
    noise = 0.1 * np.random.default_rng(0).normal(size=200)
    assert straight_span(-0.3 * np.arange(200) + noise) == (0, 199)


@pytest.mark.parametrize(("n", "count"), [(1, "is one timestep"), (2, "are 2 timesteps")])
def test_too_short_for_a_fit_says_so(n, count):
    p = profile(linear_trace(0.5, seq_len=n).top)
    assert p.decay.rate is None
    assert p.decay.factor is None
    assert p.decay.half_life is None
    assert p.decay.reason == f"there {count}; a fit needs at least 3 timesteps."
    assert profile(linear_trace(0.5, seq_len=3).top).decay.rate == pytest.approx(math.log(0.5))


def test_events_are_counted_and_break_nothing():
    trace = linear_trace(0.5)
    log_norm = trace.log_norm.clone()
    log_norm[0, 60, :] = math.nan
    log_norm[0, 10, 1] = math.inf
    p = profile(with_arrays(trace, log_norm=log_norm).top)
    assert p.diverged == 4
    assert np.isnan(p.median[60])
    assert np.isfinite(np.delete(p.median, 60)).all()
    assert p.decay.rate == pytest.approx(math.log(0.5))  # of the lags before the event
    assert p.decay.straight_until == 58

    log_norm[:] = math.nan
    p = profile(with_arrays(trace, log_norm=log_norm).top)
    assert (p.decay.rate, p.horizon_lag, p.underflow_lag) == (None, None, None)
    assert "the gradient is not a finite number at lag 0" in p.decay.reason

    log_norm[:] = -math.inf
    p = profile(with_arrays(trace, log_norm=log_norm).top)
    assert (p.decay.rate, p.underflow_lag, p.diverged) == (None, 0, 0)


def test_log_quantile_takes_samples_and_leaves_out_nan():
    values = np.array([[-np.inf, 1.0, np.nan, 3.0], [np.nan] * 4])
    assert log_quantile(values, 0.5)[0] == 1.0
    assert log_quantile(values, 0.0)[0] == -np.inf
    assert np.isnan(log_quantile(values, 0.5)[1])


def test_a_rate_begins_where_the_gradient_enters():
    """A loss at t = 41 of 120: before lag 79 the gradient is exactly zero, and from there on it shrinks by 0.9."""
    model = linear_model(0.9 * random_orthogonal(8, 0), torch.float64)
    trace = record(model, torch.zeros(120, 3, 1, dtype=torch.float64), lambda outputs: outputs[40].sum())
    decay = profile(trace.top).decay
    assert decay.rate == pytest.approx(math.log(0.9), abs=1e-12)
    assert (decay.straight_from, decay.straight_until) == (79, 119)
    cut = record(model, trace.top.inputs, lambda outputs: outputs[40].sum(), truncate=39)
    assert profile(cut.top).decay.reason == "the gradient is exactly zero at lag 81; a fit needs at least 3 timesteps."


@pytest.mark.parametrize(
    ("log_by_lag", "words"),
    [
        ([0, -1, -20], "from lag 2 on (t\u00a0=\u00a01)"),
        ([0, -1, -2], "nowhere"),
        ([0, -20, -1], "at some lags, but not at the last"),
        ([-math.inf, 0, -1], "at some lags, but not at the last"),
        ([-math.inf] * 3, "not known, since the gradient is zero everywhere"),
        ([0, -1, math.nan], "not known, since the gradient diverges"),
        ([0, math.inf, math.inf], "not known, since the gradient diverges"),
    ],
)
def test_the_words_for_a_horizon_hold_at_every_lag(log_by_lag, words):
    log_norm = np.array(log_by_lag[::-1], dtype=float)[:, None]
    assert describe_horizon(profile_of_sizes(log_norm, log_norm, torch.float64)) == words

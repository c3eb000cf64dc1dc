"""Gradients of a size that no dtype holds are recorded with the right logarithm."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import (
    CONFIGURATIONS,
    MORE_CONFIGURATIONS,
    last_step_loss,
    linear_model,
    make_model,
    named,
    random_orthogonal,
)

import models
from models import SequenceModel
from models.bptt.lognorm import log_norm
from models.bptt.scaled import Scaled, times_power_of_two

EVERY_CELL = [*CONFIGURATIONS, *MORE_CONFIGURATIONS]


@pytest.mark.parametrize("factor", [2.0, 0.5])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_linear_network_over_3465_nats(record, factor, dtype):
    """W = 2Q and W = Q/2, T = 5000, zero input: ln‖dL/dh_t‖ is linear in the lag over ±3,465 nats."""
    T = 5000
    model = linear_model((factor * random_orthogonal(12)).to(dtype), dtype)
    trace = record(model, torch.zeros(T, 1, 1, dtype=dtype), lambda outputs: outputs[-1].sum())
    lag = torch.arange(T - 1, -1, -1, dtype=torch.float64)
    expected = lag * math.log(factor)  # the readout has norm 1
    # A float32 Q is orthogonal to 1e-7 only, and 5,000 steps add that up.
    tolerance = 1e-8 if dtype == torch.float64 else 1e-5
    assert ((trace.log_norm[0, :, 0] - expected).abs() <= tolerance * expected.abs().clamp(min=1)).all()
    assert abs(trace.log_norm[0, 0, 0].item()) > 3460
    assert math.isfinite(trace.parameter_log_norm["recurrent.bias_ih_l0"])


def test_float32_lstm_of_2000_steps_has_no_timestep_at_minus_infinity(record):
    model = make_model("lstm", {}, dtype=torch.float32, hidden_size=32)
    inputs = torch.randn(2000, 4, 3, generator=torch.Generator().manual_seed(0))
    trace = record(model, inputs, last_step_loss)
    assert trace.log_norm.isfinite().all()
    assert trace.log_norm.min() < -200  # far below 1e-45, the smallest float32


@pytest.mark.parametrize("cell", ["elman", "lstm", "gru"])
def test_float32_profile_follows_float64_below_the_smallest_float32(record, cell):
    inputs = torch.randn(300, 2, 3, generator=torch.Generator().manual_seed(0))
    model = make_model(cell, {}, dtype=torch.float32, hidden_size=16, num_layers=2)
    twin = make_model(cell, {}, dtype=torch.float64, hidden_size=16, num_layers=2)
    twin.load_state_dict(model.state_dict())
    a, b = record(model, inputs, last_step_loss), record(twin, inputs.double(), last_step_loss)
    assert b.log_norm.min() < -120
    assert (a.log_norm - b.log_norm).abs().max() < 1e-2
    assert (a.direct_log_norm - b.direct_log_norm).nan_to_num(0, 0, 0).abs().max() < 1e-2


def test_a_diverged_forward_pass_is_recorded_not_raised(record):
    model = SequenceModel("elman", 1, 4, 1, nonlinearity="relu")
    with torch.no_grad():
        model.recurrent.weight_hh_l0.copy_(3 * torch.eye(4))
        model.recurrent.weight_ih_l0.fill_(1)
    trace = record(model, torch.ones(200, 2, 1), lambda o: (o[-1] ** 2).mean())
    assert not trace.hidden[0, -1].isfinite().all()
    assert not trace.loss.isfinite()
    assert trace.hidden[0, 5].isfinite().all()


def test_one_sample_vanishing_does_not_hide_another(record):
    """Scales are kept per sample: one at rest in tanh's linear range, one saturated."""
    model = SequenceModel("elman", 1, 3, 1, dtype=torch.float64)
    with torch.no_grad():
        for p in model.recurrent.parameters():
            p.zero_()
        model.recurrent.weight_hh_l0.copy_(1.5 * torch.eye(3))
        model.recurrent.weight_ih_l0.fill_(10)
    inputs = torch.zeros(500, 2, 1, dtype=torch.float64)
    inputs[:, 1] = 1.0
    trace = record(model, inputs, lambda o: o[-1].sum())
    assert torch.allclose(
        trace.log_norm[0, 0, 0] - trace.log_norm[0, -1, 0],
        torch.tensor(499 * math.log(1.5), dtype=torch.float64),
    )
    assert trace.log_norm[0, 0, 1] < -5000


@given(
    st.lists(st.floats(-(2.0**100), 2.0**100, width=32), min_size=1, max_size=6),
    st.integers(-3000, 3000),
    st.lists(st.floats(-(2.0**100), 2.0**100, width=32), min_size=1, max_size=6),
    st.integers(-3000, 3000),
)
@settings(max_examples=300, deadline=None)
def test_scaled_sum_equals_exact_integer_arithmetic(a, ka, b, kb):
    from fractions import Fraction

    n = min(len(a), len(b))
    x = Scaled((torch.tensor([a[:n]], dtype=torch.float64),), torch.tensor([ka]))
    y = Scaled((torch.tensor([b[:n]], dtype=torch.float64),), torch.tensor([kb]))
    total = x + y
    exact = [
        Fraction(p) * Fraction(2) ** ka + Fraction(q) * Fraction(2) ** kb for p, q in zip(a[:n], b[:n], strict=True)
    ]
    largest = max(abs(Fraction(p)) * Fraction(2) ** ka for p in a[:n])
    largest = max(largest, *(abs(Fraction(q)) * Fraction(2) ** kb for q in b[:n]))
    for got, want in zip(total.parts[0][0].tolist(), exact, strict=True):
        error = abs(Fraction(got) * Fraction(2) ** int(total.exponent[0]) - want)
        assert error <= largest * Fraction(1, 2**50)


@given(st.lists(st.floats(-(2.0**126), 2.0**126, width=32), min_size=1, max_size=8))
def test_log_norm_equals_math_hypot(values):
    value = log_norm(torch.tensor(values, dtype=torch.float32)).item()
    norm = math.hypot(*values)
    assert value == (-math.inf if norm == 0 else pytest.approx(math.log(norm), abs=1e-12, rel=1e-12))


def test_zero_stays_zero_at_any_power():
    x = torch.tensor([0.0, 1.0, -1.0])
    assert times_power_of_two(x, torch.tensor(5000)).tolist() == [0.0, math.inf, -math.inf]
    assert times_power_of_two(x, torch.tensor(-5000)).tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("path", ["reference", "fast"])
@pytest.mark.parametrize("first", [1e15, 1e20, 1e35])
@pytest.mark.parametrize(("cell", "options"), EVERY_CELL, ids=named(EVERY_CELL))
def test_a_huge_gradient_that_meets_a_zero_state_leaves_the_recurrent_weights_gradient(cell, options, first, path):
    """h_0 = 0: what reaches W_hh is the second step's alone, however large dL/dh_1 is. Biases and W_ih see both."""
    model = make_model(cell, options, dtype=torch.float32)
    inputs = torch.randn(3, 2, model.input_size, generator=torch.Generator().manual_seed(1))
    both, second = (
        models.record(model, inputs, lambda h, size=size: size * h[0].sum() + h[1].sum(), path=path).parameter_log_norm
        for size in (first, 0.0)
    )
    assert both["recurrent.weight_hh_l0"] == pytest.approx(second["recurrent.weight_hh_l0"], abs=1e-4)
    assert both["recurrent.bias_ih_l0"] > math.log(first) - 12

"""Gradients through saturated units: slopes that a rounded value has lost, of up to 4e^(−600) a step."""

import functools
import math

import mpmath
import pytest
import torch
from oracles import (
    CONFIGURATION_NAMES,
    CONFIGURATIONS,
    MORE_CONFIGURATIONS,
    every_step_loss,
    last_step_loss,
    make_model,
    named,
)

import models
from models import SequenceModel

PRECISION = {torch.float32: 1e-2, torch.float64: 1e-6}
"""Nats."""


def one_unit(cell, biases, weight, dtype, **options):
    """A network of one unit whose readout is h itself; W_hh is the same number for every gate."""
    model = SequenceModel(cell, 1, 1, 1, dtype=dtype, **options)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.recurrent.bias_ih_l0.copy_(torch.tensor(biases))
        model.recurrent.weight_hh_l0.fill_(weight)
        model.readout.weight.fill_(1)
    return model


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("bias", "expected"),
    [(6, -113.52331), (8, -149.52335), (10, -185.52335), (20, -365.52335), (100, -1805.52335), (300, -5405.52335)],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_one_tanh_unit_keeps_its_gradient_up_to_a_bias_of_300(record, dtype, bias, expected, sign):
    """Nine steps by ln tanh'(b + 1): ln 4 − 2(b + 1) each."""
    model = one_unit("elman", [sign * float(bias)], 1.0, dtype)
    trace = record(model, torch.zeros(10, 1, 1, dtype=dtype), lambda outputs: outputs[-1].sum())
    assert trace.log_norm[0, 0, 0].item() == pytest.approx(expected, abs=PRECISION[dtype] + 5e-6)
    last = trace.log_norm[0, 1].item() + math.log(4) - 2 * (bias + 1)
    assert trace.parameter_log_norm["recurrent.bias_ih_l0"] > last - 1


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("loss", [every_step_loss, last_step_loss])
@pytest.mark.parametrize("cell", ["lstm", "lstm_1997", "peephole_lstm"])
def test_a_cell_state_that_grows_for_ever_keeps_both_gradients(cell, loss, dtype):
    """c grows to 60, where tanh'(c) is 1e-52: dL/dc_t comes from later steps, or, with the last loss, from h alone."""
    generator = torch.Generator().manual_seed(0)
    model = SequenceModel(cell, 2, 5, 1, dtype=dtype, generator=generator)
    with torch.no_grad():
        model.recurrent.bias_ih_l0.zero_()
        for name, bias in {"i": 5.0, "f": 6.0, "g": 2.0}.items():
            if name in model.recurrent.cell_type.blocks:
                k = model.recurrent.cell_type.blocks.index(name)
                model.recurrent.bias_ih_l0[5 * k : 5 * k + 5] = bias
    inputs = torch.randn(70, 3, 2, generator=generator, dtype=torch.float64).to(dtype)
    fast, reference = (models.record(model, inputs, loss, path=path).top for path in ("fast", "reference"))
    assert float(reference.after[1].max()) > 45
    within = 1e-4 if dtype == torch.float32 else 1e-9
    assert torch.allclose(fast.log_norm, reference.log_norm, rtol=0, atol=within)
    assert torch.allclose(fast.cell_log_norm, reference.cell_log_norm, rtol=0, atol=within)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("steps", "expected"), [(10, -17.92056), (20, -37.92056), (300, -597.92056)])
def test_tanh_of_a_large_cell_state_keeps_its_slope(record, dtype, steps, expected):
    """i = f = o = g = 1, so that c_T = T: ln dL/dc_T = ln 2 + ln 4 − 2T for the loss h_T², and so it stays."""
    model = one_unit("lstm", [300.0] * 4, 0.0, dtype)
    trace = record(model, torch.zeros(steps, 1, 1, dtype=dtype), lambda outputs: (outputs[-1] ** 2).sum())
    assert trace.cell_log_norm[0, -1, 0].item() == pytest.approx(expected, abs=PRECISION[dtype] + 5e-6)
    assert trace.cell_log_norm[0, 0, 0].item() == pytest.approx(expected, abs=PRECISION[dtype] + 5e-6)


@pytest.mark.parametrize(("biases", "steps"), [([0.1] * 4, 6), ([300.0] * 4, 60)], ids=["usual", "saturated"])
def test_a_direction_times_its_scale_is_the_true_gradient(record, biases, steps):
    """At c = 60 dL/dc_t is 1e-52 of dL/dh_t: float32 holds both, but not on one scale."""
    model = one_unit("lstm", biases, 0.0, torch.float32)
    trace = record(model, torch.zeros(steps, 1, 1), lambda outputs: 1e30 * outputs.sum())
    assert bool((trace.cell_log_scale != trace.log_scale).any()) == (steps == 60)
    for direction, log_scale, total, log_norm in (
        (trace.grad_hidden, trace.log_scale, trace.total_grad_hidden, trace.log_norm),
        (trace.grad_cell, trace.cell_log_scale, trace.total_grad_cell, trace.cell_log_norm),
    ):
        value = direction.double() * log_scale.exp().unsqueeze(-1)
        assert bool((value != 0).all())
        torch.testing.assert_close(value, total.double(), rtol=1e-6, atol=0)
        torch.testing.assert_close(value.norm(dim=-1).log(), log_norm, rtol=0, atol=1e-6)


DIGITS = 5000


@functools.cache
def exact_log_gradients(cell, biases, weight, steps, reset_after=True):
    """ln|dL/dh_t| (and ln|dL/dc_t|) of h_T, by finite differences with 5,000 digits: independent of any slope."""
    mp = mpmath.mp.clone()
    mp.dps = DIGITS
    u, b = mp.mpf(weight), [mp.mpf(x) for x in biases]

    def sigmoid(a):
        return 1 / (1 + mp.exp(-a))

    def step(state):
        h = state[0]
        if cell == "elman":
            return (mp.tanh(b[0] + u * h),)
        if cell == "lstm":
            i, f, g, o = (sigmoid(b[k] + u * h) if k != 2 else mp.tanh(b[k] + u * h) for k in range(4))
            c = f * state[1] + i * g
            return o * mp.tanh(c), c, o
        r, z = sigmoid(b[0] + u * h), sigmoid(b[1] + u * h)
        n = mp.tanh(b[2] + (r * (u * h) if reset_after else u * (r * h)))
        return ((1 - z) * n + z * h,)

    states = [(mp.mpf(0), mp.mpf(0))]
    for _ in range(steps):
        states.append(step(states[-1]))
    epsilon = mp.mpf(10) ** (-DIGITS // 2)

    def nudged(t, which):
        state = list(states[t])
        state[which] += epsilon
        if which == 1:
            state[0] = states[t][2] * mp.tanh(state[1])
        for _ in range(steps - t):
            state = step(state)
        return float(mp.log(abs(state[0] - states[-1][0]) / epsilon))

    return [[nudged(t, which) for t in range(1, steps + 1)] for which in range(2 if cell == "lstm" else 1)]


CASES = [
    ("elman", [-0.5], {}),
    ("elman", [150.0], {}),
    ("lstm", [300.0, -300.0, 40.0, 20.0], {}),
    ("lstm", [-15.0, 12.0, -300.0, 250.0], {}),
    ("lstm", [1.0, 100.0, 0.5, -15.0], {}),
    ("lstm", [30.0, 30.0, 30.0, 30.0], {}),
    ("gru", [1.0, 300.0, 0.5], {"reset_after": True}),
    ("gru", [-300.0, -300.0, 0.5], {"reset_after": True}),
    ("gru", [300.0, -20.0, -200.0], {"reset_after": True}),
    ("gru", [-300.0, -300.0, 0.5], {"reset_after": False}),
    ("gru", [20.0, -250.0, 300.0], {"reset_after": False}),
    ("gru", [-12.0, 9.0, 0.25], {"reset_after": False}),
]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("cell", "biases", "options"), CASES)
def test_large_biases_of_either_sign_equal_differences_with_5000_digits(record, cell, biases, options, dtype):
    steps = 3
    expected = exact_log_gradients(cell, tuple(biases), 0.75, steps, options.get("reset_after", True))
    model = one_unit(cell, biases, 0.75, dtype, **options)
    trace = record(model, torch.zeros(steps, 1, 1, dtype=dtype), lambda outputs: outputs[-1].sum())
    for got, wanted in zip([trace.log_norm, trace.cell_log_norm], expected, strict=False):
        assert got[0, :, 0].tolist() == pytest.approx(wanted, abs=PRECISION[dtype], rel=1e-12)


@pytest.mark.parametrize(("cell", "options"), CONFIGURATIONS, ids=CONFIGURATION_NAMES)
@pytest.mark.parametrize("scale", [3.0, 30.0, 200.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("truncate", "bidirectional"), [(None, False), (3, True)])
def test_both_engines_agree_where_some_units_are_saturated(cell, options, scale, dtype, truncate, bidirectional):
    """Two layers, some samples and units saturated and some not; biases drawn up to ±scale."""
    model = make_model(cell, options, num_layers=2, bidirectional=bidirectional, hidden_size=6, dtype=dtype)
    if options.get("nonlinearity") in ("relu", "identity"):
        scale = min(scale, 3.0)
    generator = torch.Generator().manual_seed(int(scale))
    with torch.no_grad():
        for name, parameter in model.recurrent.named_parameters():
            if name.startswith("bias_ih"):
                drawn = torch.rand(parameter.shape, generator=generator, dtype=torch.float64) * 2 - 1
                parameter.copy_(drawn**3 * scale)  # most are small
    inputs = torch.randn(7, 4, 3, generator=generator, dtype=torch.float64).to(dtype)
    inputs[:, 1] *= 20
    for loss in (last_step_loss, every_step_loss):
        fast, reference = (models.record(model, inputs, loss, truncate, path=path) for path in ("fast", "reference"))
        assert torch.equal(fast.log_norm.isneginf(), reference.log_norm.isneginf())
        finite = reference.log_norm.isfinite()
        tolerance = 2e-2 if dtype == torch.float32 else 1e-7
        assert (fast.log_norm - reference.log_norm)[finite].abs().max() < tolerance
        if fast.cell_log_norm is not None:
            assert (fast.cell_log_norm - reference.cell_log_norm).nan_to_num(0, 0, 0).abs().max() < tolerance
        for name, size in reference.parameter_log_norm.items():
            assert fast.parameter_log_norm[name] == pytest.approx(size, abs=tolerance), name


@pytest.mark.parametrize(("cell", "options"), MORE_CONFIGURATIONS, ids=named(MORE_CONFIGURATIONS))
@pytest.mark.parametrize(("scale", "dtype"), [(30.0, torch.float32), (200.0, torch.float64)])
def test_both_engines_agree_where_some_units_are_saturated_in_all_cells(cell, options, scale, dtype):
    test_both_engines_agree_where_some_units_are_saturated(cell, options, scale, dtype, 3, True)


@pytest.mark.parametrize("path", ["reference", "fast"])
@pytest.mark.parametrize(
    ("dtype", "steps", "cell_state", "forget_bias", "expected"),
    [
        (torch.float32, 12, 30.0, 20.0, -59.41),  # f is saturated
        (torch.float32, 12, 30.0, 6.0, -57.82),  # no gate is
        (torch.float32, 12, 24.5, 20.0, -48.41),
        (torch.float64, 70, 210.0, 40.0, -421.95),
        (torch.float64, 70, 210.0, 14.0, -421.93),
    ],
)
def test_a_unit_with_a_large_cell_state_keeps_its_gradient_beside_one_that_fades(
    path, dtype, steps, cell_state, forget_bias, expected
):
    """ln‖dL/dc_1‖ ≈ ln(4 o) − 2c_0 of the first unit: the second's e^−9 a step is far below it there."""
    model = SequenceModel("lstm", 1, 2, 2, dtype=dtype)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        biases = [-3, 0, forget_bias, -9, 0.5, 0.5, 1, 1]  # of i, f, g and o, two units each
        model.recurrent.get_parameter("bias_ih_l0").copy_(torch.tensor(biases))
        model.readout.get_parameter("weight").copy_(torch.eye(2))
    start = tuple(torch.tensor([[[c, 0.0]]], dtype=dtype) for c in (0.0, cell_state))
    inputs = torch.zeros(steps, 1, 1, dtype=dtype)
    trace = models.record(model, inputs, lambda h: 1e3 * h[-1, 0, 1] + h[-2, 0, 0], path=path, start=start)
    assert float(trace.cell_log_norm.flatten()[0]) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("path", ["reference", "fast"])
@pytest.mark.parametrize(("dtype", "shut", "cell_state"), [(torch.float32, -100, 60.0), (torch.float64, -1000, 360.0)])
def test_a_tiny_gradient_of_c_outlives_a_direct_gradient_of_h(path, dtype, shut, cell_state):
    """f = 1 and o_T = σ(0): dL/dc_t = o tanh'(c) = 2 e^(−2c) at every t, though dL/dh_2 = 1 where o_2 is shut."""
    model = SequenceModel("lstm", 1, 1, 1, dtype=dtype)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.recurrent.get_parameter("bias_ih_l0").copy_(torch.tensor([shut, -shut, 0.0, 0.0]))
        model.recurrent.get_parameter("weight_ih_l0")[3] = 1  # o
        model.readout.get_parameter("weight").fill_(1)
    inputs = torch.zeros(6, 1, 1, dtype=dtype)
    inputs[1] = 10 * shut
    start = tuple(torch.full((1, 1, 1), s, dtype=dtype) for s in (0.0, cell_state))
    trace = models.record(model, inputs, lambda h: h[-1].sum() + h[1].sum(), path=path, start=start)
    expected = torch.full((6,), math.log(2) - 2 * cell_state).double()
    assert torch.allclose(trace.cell_log_norm.flatten(), expected, atol=1e-4)
    assert trace.log_norm.flatten()[[1, -1]].tolist() == [0, 0]


@pytest.mark.parametrize("path", ["reference", "fast"])
@pytest.mark.parametrize("small", [1e-10, 1e-15, 1e-30])
def test_a_tiny_direct_gradient_of_h_is_seen_beside_a_large_one_of_c(path, small):
    """Without W_hh nothing but the loss at t = 2 reaches h_2, while dL/dc_2 is 1e29."""
    model = SequenceModel("lstm", 1, 1, 1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.recurrent.get_parameter("bias_ih_l0").copy_(torch.tensor([0.0, 3.0, 0.5, 0.0]))
        model.readout.get_parameter("weight").fill_(1)
    trace = models.record(model, torch.zeros(5, 1, 1), lambda h: 1e30 * h[-1].sum() + small * h[1].sum(), path=path)
    assert trace.log_norm[0, :, 0].tolist() == pytest.approx(
        [-math.inf, math.log(small), -math.inf, -math.inf, math.log(1e30)], abs=1e-5
    )
    assert float(trace.cell_log_norm[0, 1, 0]) == pytest.approx(float(trace.cell_log_norm[0, 2, 0]), abs=0.1)

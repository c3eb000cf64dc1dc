"""Clipping inside BPTT (Graves 2013) against explicit loops whose preactivations clamp their gradients."""

import numpy as np
import pytest
import torch
from oracles import CONFIGURATION_NAMES, CONFIGURATIONS, LOSSES, MORE_CONFIGURATIONS, make_model, named
from torch import sigmoid, tanh

from analysis.clipping import clipped_inside
from analysis.figures.step_clipping import step_clipping_picture
from analysis.step_clipping import step_clipping
from analysis.wording import significant
from models import record
from models.bptt.step_limit import limited

THRESHOLD = 0.01
"""Between the smallest and the largest entry of the gradients here."""


COUNTS: list[torch.Tensor] = []
"""How many entries of each sample were beyond the threshold, of every call of `Clamped.backward`."""


class Clamped(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a):
        return a.clone()

    @staticmethod
    def backward(ctx, grad):
        COUNTS.append((grad.abs() > THRESHOLD).sum(-1).double())
        return grad.clamp(-THRESHOLD, THRESHOLD)


def elman(x, state, W, U, b, d):
    return (tanh(Clamped.apply(x @ W.T + b + state[0] @ U.T + d)),)


def lstm(x, state, W, U, b, d):
    h, c = state
    i, f, g, o = (Clamped.apply(a) for a in (x @ W.T + b + h @ U.T + d).chunk(4, -1))
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    return sigmoid(o) * tanh(c), c


def gru(x, state, W, U, b, d):
    (h,) = state
    (x_r, x_z, x_n), (h_r, h_z, h_n) = (x @ W.T + b).chunk(3, -1), (h @ U.T + d).chunk(3, -1)
    r, z = sigmoid(Clamped.apply(x_r + h_r)), sigmoid(Clamped.apply(x_z + h_z))
    return ((1 - z) * tanh(Clamped.apply(x_n + r * h_n)) + z * h,)


STEPS = {"elman": elman, "lstm": lstm, "gru": gru}


def recorded(cell, options=None, **keywords):
    model = make_model(cell, options or {}, **keywords)
    inputs = 2 * torch.randn(9, 4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    return model, inputs, record(model, inputs, LOSSES["every"], step_threshold=THRESHOLD)


@pytest.mark.parametrize("cell", STEPS)
def test_a_clipped_pass_equals_a_loop_with_clamped_preactivations(cell):
    model, inputs, trace = recorded(cell, num_layers=2)
    features, kept = inputs, {}
    for layer in range(2):
        w = [getattr(model.recurrent, f"{name}_l{layer}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        state = tuple(torch.zeros(4, 5, dtype=torch.float64) for _ in range(2 if cell == "lstm" else 1))
        rows = []
        for t, x in enumerate(features):
            state = STEPS[cell](x, state, *w)
            state[0].retain_grad()
            kept[layer, t] = state[0]
            rows.append(state[0])
        features = torch.stack(rows)
    LOSSES["every"](model.readout(features)).backward()
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(trace.parameter_grads[name], parameter.grad, rtol=1e-10, atol=1e-14)
    for (layer, t), h in kept.items():
        norm = h.grad.norm(dim=-1).log()
        torch.testing.assert_close(trace.log_norm[layer, t], norm, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("cell", "options"), MORE_CONFIGURATIONS, ids=named(MORE_CONFIGURATIONS))
def test_every_other_cell_hands_all_its_preactivations_on(cell, options):
    """With a limit near 0 nothing reaches a weight, and nothing but the kept state goes back."""
    model, inputs, _ = recorded(cell, options)
    trace = record(model, inputs, LOSSES["every"], path="reference")
    layer = trace.top.in_float64()
    seen = []
    step = limited(layer.cell.with_weights(lambda w: w.requires_grad_()), 1e-300, torch.zeros(4).long(), seen)
    with torch.enable_grad():
        after, _ = step.step(layer.inputs[3], tuple(s[3] for s in layer.before))
        after[0].sum().backward()
    limit = 1e-300 * 100
    for name, weight in step.weights.items():
        assert weight.grad is None or float(weight.grad.abs().max()) < limit, name
    assert sum(da.shape[-1] for da, _ in seen) == len(layer.cell.blocks) * 5


@pytest.mark.parametrize(("cell", "options"), CONFIGURATIONS, ids=CONFIGURATION_NAMES)
def test_a_limit_that_nothing_reaches_changes_nothing(cell, options):
    model, inputs, _ = recorded(cell, options)
    plain = record(model, inputs, LOSSES["every"], path="reference")
    loose = record(model, inputs, LOSSES["every"], step_threshold=1e6)
    for name, grad in plain.parameter_grads.items():
        torch.testing.assert_close(loose.parameter_grads[name], grad, rtol=1e-12, atol=1e-15)
    assert not clipped_inside(plain, loose, 1e6).engaged
    assert clipped_inside(plain, loose, 1e6).grads is not loose.parameter_grads


@pytest.mark.parametrize("cell", STEPS)
def test_the_share_of_clipped_entries_is_that_of_the_loop(cell):
    model, inputs, trace = recorded(cell)
    w = [getattr(model.recurrent, f"{n}_l0") for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
    state = tuple(torch.zeros(4, 5, dtype=torch.float64) for _ in range(2 if cell == "lstm" else 1))
    states = []
    for x in inputs:
        state = STEPS[cell](x, state, *w)
        states.append(state[0])
    COUNTS.clear()
    LOSSES["every"](model.readout(torch.stack(states))).backward()
    groups = len(COUNTS) // 9  # as many of each timestep, the last timestep first
    wanted = torch.stack([sum(COUNTS[t * groups : (t + 1) * groups]) for t in range(9)]).flip(0)
    found = step_clipping(trace.top, THRESHOLD)
    rows = 5 * len(trace.top.cell.blocks)
    assert found.engaged
    torch.testing.assert_close(torch.from_numpy(found.share * rows), wanted)
    assert (found.log_norm_after <= found.log_norm_before + 1e-12).all()
    picture = step_clipping_picture({cell: found})
    assert picture.columns["clipped, %"] == pytest.approx((100 * wanted / rows).mean(dim=1).tolist())
    assert picture.columns["t"] == [float(t) for t in range(1, 10)]


def test_padding_is_not_counted_as_unclipped():
    model, inputs, _ = recorded("gru")
    lengths = torch.tensor([9, 9, 4, 2])

    def loss(outputs):
        return (outputs[:2] ** 2).sum()  # within the shortest sequence

    together = step_clipping(record(model, inputs, loss, step_threshold=THRESHOLD, lengths=lengths).top, THRESHOLD)
    alone = [step_clipping(record(model, inputs[:n, k : k + 1], loss, step_threshold=THRESHOLD).top, THRESHOLD)
             for k, n in enumerate(lengths.tolist())]  # fmt: skip
    for k, n in enumerate(lengths.tolist()):
        assert together.share[:n, k] == pytest.approx(alone[k].share[:, 0])
        for numbers in (together.share, together.log_norm_before, together.log_norm_after):
            assert np.isnan(numbers[n:, k]).all()
    picture = step_clipping_picture({"gru": together})
    over_time = [np.mean([one.share[t, 0] for one in alone if t < len(one.share)]) for t in range(9)]
    assert picture.columns["clipped, %"] == pytest.approx([100 * share for share in over_time])
    mean = 100 * np.concatenate([one.share[:, 0] for one in alone]).mean()
    assert f"{significant(mean)}\xa0%" in picture.alt
    assert together.engaged


def test_clipping_says_what_is_left_of_the_true_gradient():
    model, inputs, trace = recorded("lstm")
    true = record(model, inputs, LOSSES["every"])
    clipping = clipped_inside(true, trace, THRESHOLD)
    assert clipping.engaged
    assert clipping.log_norm_after < clipping.log_norm_before
    assert 0 < clipping.cosine < 1
    assert clipping.grads["recurrent.weight_hh_l0"] is trace.parameter_grads["recurrent.weight_hh_l0"]
    assert not clipped_inside(true, None, None).engaged


def test_what_does_not_go_together_is_refused():
    model, inputs, _ = recorded("elman")
    with pytest.raises(ValueError, match=r"step_threshold was 0.0; it must be above 0"):
        record(model, inputs, LOSSES["every"], step_threshold=0.0)
    with pytest.raises(ValueError, match=r"path was fast, which does not clip inside BPTT"):
        record(model, inputs, LOSSES["every"], path="fast", step_threshold=1.0)

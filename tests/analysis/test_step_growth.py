"""What steps could do to a gradient and what they do, against the recorded gradients and exact products."""

import math

import numpy as np
import pytest
import torch
from oracles import (
    CONFIGURATION_NAMES,
    CONFIGURATIONS,
    LOSSES,
    last_step_loss,
    linear_model,
    make_model,
    random_orthogonal,
    with_arrays,
)
from torch import nn

from analysis.figures.step_growth import step_growth_picture, step_norms_picture
from analysis.jacobian import step_jacobians
from analysis.product import log_spectral_norm
from analysis.step_growth import step_growth
from models import record, watch

T = 12


def log_norm(array, order=None, axis=None):
    with np.errstate(divide="ignore"):  # all of a relu's units may be silent
        return np.log(np.linalg.norm(array, order, axis))


def recorded(cell, options, loss=last_step_loss, seq_len=T, **keywords):
    model = make_model(cell, options, **keywords)
    with torch.no_grad():
        for parameter in model.recurrent.parameters():
            parameter.mul_(2)
    inputs = torch.randn(seq_len, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    return model, record(model, inputs, loss)


@pytest.mark.parametrize(("cell", "options"), CONFIGURATIONS, ids=CONFIGURATION_NAMES)
@pytest.mark.parametrize(("num_layers", "bidirectional"), [(1, False), (3, False), (2, True)])
@pytest.mark.parametrize("sample", [0, 2])
def test_the_gradient_that_is_carried_is_the_recorded_total(cell, options, num_layers, bidirectional, sample):
    """With a loss at the last step, the carried vector is the whole adjoint; its h part is dL/dh_t."""
    _, trace = recorded(cell, options, num_layers=num_layers, bidirectional=bidirectional)
    growth = step_growth(trace.top, sample=sample)
    top = len(trace.hidden) - trace.num_directions
    total = trace.total_grad_hidden[top, :, sample].numpy()
    adjoint = total
    if cell == "lstm":  # dL/dc_t with h_t held: without the path through h_t = o tanh(c_t)
        c, o = trace.cell_state[top, :, sample].numpy(), trace.gates["o"][top, :, sample].numpy()
        adjoint = np.hstack([total, trace.total_grad_cell[top, :, sample].numpy() - total * o * (1 - np.tanh(c) ** 2)])
    expected = log_norm(adjoint, axis=1)[::-1]
    assert growth.t.tolist() == [*range(T, 0, -1)]
    assert growth.gradient == pytest.approx(expected - expected[0], abs=1e-10)


@pytest.mark.parametrize(("cell", "options"), CONFIGURATIONS, ids=CONFIGURATION_NAMES)
@pytest.mark.parametrize("layer", [0, 1])
def test_norms_are_those_of_the_products_and_the_order_of_the_lines_holds(cell, options, layer):
    _, trace = recorded(cell, options, LOSSES["every"], bidirectional=True)
    growth = step_growth(trace.layers[layer])
    J = step_jacobians(trace.layers[layer]).matrices[:, 0]
    for lag in (1, 2, T - 1):
        factors = J[T - lag :]
        product = np.linalg.multi_dot(factors[::-1]) if lag > 1 else factors[0]
        assert growth.product[lag] == pytest.approx(log_norm(product, 2), abs=1e-10)
        norms = [log_norm(factor, 2) for factor in factors]
        assert growth.steps_apart[lag] == pytest.approx(sum(norms), abs=1e-10)
        assert growth.step[lag - 1] == pytest.approx(norms[0], abs=1e-10)
    assert (growth.gradient <= growth.product + 1e-12).all()
    assert (growth.product <= growth.steps_apart + 1e-12).all()
    assert growth.t[0] == (1 if layer == 1 else T)  # the last state that each direction makes


def test_a_linear_orthogonal_network_has_one_line_over_hundreds_of_decades():
    model = linear_model(2 * random_orthogonal(8))
    trace = record(model, torch.zeros(3000, 1, 1, dtype=torch.float64), lambda outputs: outputs[-1].sum())
    growth = step_growth(trace.top)
    expected = math.log(2) * np.arange(3000)
    for line in (growth.gradient, growth.product, growth.steps_apart):
        assert line == pytest.approx(expected, rel=1e-12, abs=1e-10)


def test_only_the_steps_asked_for_are_taken():
    _, trace = recorded("lstm", {})
    whole, part = step_growth(trace.top), step_growth(trace.top, most_steps=4)
    assert part.t.tolist() == [T, T - 1, T - 2, T - 3, T - 4]
    # not to the bit: products of other shapes are summed in another order
    assert np.allclose(part.gradient, whole.gradient[:5], rtol=0, atol=1e-12)
    assert np.allclose(part.step, whole.step[:4], rtol=0, atol=1e-12)
    with pytest.raises(ValueError, match="most_steps was 0"):
        step_growth(trace.top, most_steps=0)
    with pytest.raises(ValueError, match="sample was 3; this layer has samples 0 to 2"):
        step_growth(trace.top, sample=3)


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
def test_log_spectral_norm_equals_an_svd(scale):
    A = np.random.default_rng(0).normal(size=(9, 9)) * np.exp(-3.0 * np.arange(9))
    exact = math.log(np.linalg.norm(A, 2)) + math.log(scale)
    assert log_spectral_norm(A * scale) == pytest.approx(exact, rel=1e-13)
    assert log_spectral_norm(np.zeros((3, 3))) == -math.inf
    assert math.isnan(log_spectral_norm(np.array([[1.0, math.nan], [0, 1]])))


def test_short_diverged_and_empty_passes_say_so_and_are_drawn():
    model, trace = recorded("gru", {}, seq_len=1)
    one = step_growth(trace.top)
    assert "no step leads back" in one.reason

    model, trace = recorded("gru", {})
    silent = step_growth(record(model, trace.inputs, lambda outputs: outputs[0].sum()).top)
    assert "sends no gradient" in silent.reason
    assert np.isfinite(silent.product).all()

    hidden = trace.hidden.clone()
    hidden[0, 5] = torch.nan
    diverged = step_growth(with_arrays(trace, hidden=hidden).top)
    assert "diverged" in diverged.reason
    assert np.isfinite(diverged.gradient[:6]).all()

    relu, trace = recorded("elman", {"nonlinearity": "relu"}, seq_len=30)
    with torch.no_grad():
        relu.recurrent.bias_ih_l0.fill_(-100)  # all units are silent from the first step on
    dead = step_growth(record(relu, trace.inputs, last_step_loss).top)
    assert np.isneginf(dead.gradient[1:]).all()
    assert "singular" in dead.reason

    for growth in (one, silent, diverged, dead):
        picture = step_growth_picture("gru", growth)
        assert (growth.reason or "") in picture.sentence
        assert "nan" not in picture.figure.layout.title.text
        assert "not a number" not in picture.figure.layout.title.text
        step_norms_picture({"gru": growth})


@pytest.mark.parametrize(("seq_len", "factor"), [(250, 1.0), (20, 1e38)])
def test_a_gradient_that_float32_cannot_hold_is_followed_all_the_same(seq_len, factor):
    """Below the top layer the direct gradient may be 1e-60, or 1e+40; the trace has its direction and its scale."""
    options = {"nonlinearity": "identity"}
    model = make_model("elman", options, dtype=torch.float32, num_layers=2, bidirectional=True, hidden_size=16)
    with torch.no_grad():
        model.readout.weight.mul_(factor)
        model.recurrent.weight_ih_l1.mul_(min(factor, 1e4))
        model.recurrent.weight_hh_l1.mul_(0.5)
    inputs = torch.randn(seq_len, 2, 3, generator=torch.Generator().manual_seed(0))
    trace = record(model, inputs, lambda outputs: outputs[-1 if factor == 1 else 0].sum())
    direct = trace.direct_log_norm[1, 0, 0].item()
    assert direct < -103 or direct > 88, "beyond float32"
    growth = step_growth(trace.layers[1])
    assert growth.reason is None
    assert np.isfinite(growth.gradient).all()
    assert (growth.gradient <= growth.product + 1e-6).all()


def test_one_timestep_checks_its_arguments_too():
    _, trace = recorded("gru", {}, seq_len=1)
    with pytest.raises(ValueError, match="sample was 3"):
        step_growth(trace.top, sample=3)


@pytest.mark.parametrize("of_c", [False, True])
def test_a_loss_that_reads_c_is_followed_from_c(of_c):
    """An encoder hands its whole state on: the direct gradient of its end has a part for c."""
    torch.manual_seed(0)
    lstm = nn.LSTM(3, 4).double()
    with watch(lstm) as seen:
        _, (h, c) = lstm(torch.randn(T, 2, 3, dtype=torch.float64))
        (c.sum() if of_c else (h * c).sum()).backward()
    layer = seen[""].top
    growth, adjoint = step_growth(layer), layer.adjoint
    size = torch.cat(adjoint.parts, dim=-1).norm(dim=-1).log() + adjoint.exponent.double() * np.log(2)
    expected = size[:, 0].numpy()[::-1]
    assert growth.reason is None
    assert growth.gradient == pytest.approx(expected - expected[0], abs=1e-12)

"""Closed-form step Jacobians against autodiff, finite differences, and the recorded gradients themselves."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from oracles import (
    CONFIGURATION_NAMES,
    CONFIGURATIONS,
    MORE_CONFIGURATIONS,
    last_step_loss,
    make_model,
    named,
    oracle_step,
    with_arrays,
)

from analysis.jacobian import input_jacobian, state_jacobian, step_jacobians
from analysis.lyapunov import lyapunov, lyapunov_driven
from models import record, watch
from models.cells.elman.step import ElmanCell
from models.cells.registry import CELLS


def recorded(cell, options, *, seq_len=7, batch_size=3, **keywords):
    """A pass with weights of a size at which the Jacobians are far from normal and change from step to step."""
    model = make_model(cell, options, **keywords)
    with torch.no_grad():
        for parameter in model.recurrent.parameters():
            parameter.mul_(2)
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(seq_len, batch_size, 3, dtype=torch.float64, generator=generator)
    return model, record(model, inputs, last_step_loss)


@pytest.mark.parametrize(("cell", "options"), CONFIGURATIONS, ids=CONFIGURATION_NAMES)
@pytest.mark.parametrize("num_layers", [1, 2, 3])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_closed_form_equals_autodiff_within_1e_10(cell, options, num_layers, bidirectional):
    _, trace = recorded(cell, options, num_layers=num_layers, bidirectional=bidirectional)
    for layer in range(len(trace.hidden)):
        closed = step_jacobians(trace.layers[layer], samples=None, method="closed form").matrices
        auto = step_jacobians(trace.layers[layer], samples=None, method="autodiff").matrices
        size = 10 if cell == "lstm" else 5
        assert closed.shape == (7, 3, size, size)
        assert np.abs(closed - auto).max() < 1e-10
        steps = trace.layers[layer].in_order()
        of_input = input_jacobian(steps, "closed form") - input_jacobian(steps, "autodiff")
        assert of_input.abs().max() < 1e-10
        if options.get("nonlinearity") != "identity":
            assert np.abs(closed[1] - closed[4]).max() > 1e-2  # they do change over time
        J = closed.reshape(-1, size, size)
        commutator = np.linalg.norm(J @ J.swapaxes(1, 2) - J.swapaxes(1, 2) @ J, axis=(1, 2))
        assert (commutator > 0.02 * np.linalg.norm(J, axis=(1, 2)) ** 2).mean() > 0.5  # and are not normal


EVERY = CONFIGURATIONS + MORE_CONFIGURATIONS


@pytest.mark.parametrize(("cell", "options"), MORE_CONFIGURATIONS, ids=named(MORE_CONFIGURATIONS))
@pytest.mark.parametrize("input_size", [3, 5])
def test_every_closed_form_equals_autodiff(cell, options, input_size):
    """With 5 inputs for 5 units, the MUTs see x as it is."""
    model = make_model(cell, options, num_layers=2, bidirectional=True, input_size=input_size)
    with torch.no_grad():
        for parameter in model.recurrent.parameters():
            parameter.mul_(2)
    inputs = torch.randn(7, 3, input_size, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    for layer in record(model, inputs, last_step_loss).layers:
        steps = layer.in_order()
        for jacobian in (state_jacobian, input_jacobian):
            closed, auto = jacobian(steps, "closed form"), jacobian(steps, "autodiff")
            assert (closed - auto).abs().max() < 1e-12
            assert closed.abs().max() > 0.01


@pytest.mark.parametrize(("cell", "options"), EVERY, ids=named(EVERY))
def test_step_jacobian_matches_finite_differences(cell, options):
    model, trace = recorded(cell, options)
    J = step_jacobians(trace.top, samples=[1]).matrices[:, 0]
    weights = tuple(p.detach() for p in model.recurrent.parameters())
    states = [trace.hidden[0, :, 1]] + ([] if trace.cell_state is None else [trace.cell_state[0, :, 1]])
    t, eps = 4, 1e-6
    s = torch.cat([part[t - 1] for part in states])
    for column in range(len(s)):

        def after(nudge, column=column):
            nudged = s.clone()
            nudged[column] += nudge
            state = tuple(part.unsqueeze(0) for part in nudged.split(5))
            return torch.cat(oracle_step(cell, options, weights, trace.inputs[t, 1:2], state), dim=-1)[0]

        difference = (after(eps) - after(-eps)) / (2 * eps)
        assert np.abs(J[t][:, column] - difference.numpy()).max() < 1e-7


@pytest.mark.parametrize(("cell", "options"), CONFIGURATIONS, ids=CONFIGURATION_NAMES)
@pytest.mark.parametrize("direction", [0, 1])
def test_jacobians_carry_the_recorded_gradient(cell, options, direction):
    """dL/ds_{t-1} = J[t]ᵀ dL/ds_t: the recorded gradients of another part of the code, in both directions."""
    model = make_model(cell, options, bidirectional=True, hidden_size=4)
    inputs = torch.randn(6, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    edge = -1 if direction == 0 else 0
    trace = record(model, inputs, lambda outputs: (outputs[edge] ** 2).sum())
    J = step_jacobians(trace.layers[direction], samples=None).matrices
    grads = trace.total_grad_hidden[direction].numpy()
    if direction:
        grads = grads[::-1]
    adjoint = np.concatenate([grads[-1], *([np.zeros_like(grads[-1])] if cell == "lstm" else [])], axis=-1)
    for t in reversed(range(1, 6)):
        adjoint = np.einsum("bij,bi->bj", J[t], adjoint)
        assert np.abs(adjoint[:, :4] - grads[t - 1]).max() < 1e-12


def test_the_jacobian_of_a_projected_lstm_is_of_h_and_c_in_their_own_sizes():
    """dL/ds_{t-1} = J[t]ᵀ dL/ds_t, of a loss on h_T; h has two units and c has five."""
    torch.manual_seed(0)
    network = torch.nn.LSTM(3, 5, proj_size=2).double()
    with watch(network) as seen:
        network(torch.randn(40, 2, 3, dtype=torch.float64))[0][-1].square().sum().backward()
    layer = seen[""].top
    J = step_jacobians(layer, samples=None).matrices
    assert J.shape == (40, 2, 7, 7)
    grads = seen[""].total_grad_hidden[0].numpy()
    adjoint = np.concatenate([grads[-1], np.zeros((2, 5))], axis=-1)
    for t in reversed(range(1, 40)):
        adjoint = np.einsum("bij,bi->bj", J[t], adjoint)
        assert np.abs(adjoint[:, :2] - grads[t - 1]).max() < 1e-12
    found = lyapunov(layer, transient=0)
    assert (found.state_size, found.exponents.shape) == (7, (7,))
    again = lyapunov_driven(layer.cell, layer.inputs[:, 0], transient=0)
    assert again.exponents[:2] == pytest.approx(found.exponents[:2], abs=1e-9)


@dataclass(frozen=True, eq=False)
class LeakyCell(ElmanCell):
    """A new cell, derived from one that has a closed form, and without one of its own."""

    def step(self, x_t, state):
        (after,), gates = super().step(x_t, state)
        return (0.7 * state[0] + 0.3 * after,), gates


def test_a_cell_without_a_closed_form_falls_back_to_autodiff(monkeypatch):
    monkeypatch.setitem(CELLS, "leaky", LeakyCell)
    _, trace = recorded("leaky", {})
    J = step_jacobians(trace.top)
    assert J.method == "autodiff"
    elman = trace.top.in_order()
    W = elman.cell.weight_hh
    inner = (elman.after[0] - 0.7 * elman.before[0]) / 0.3
    expected = 0.7 * torch.eye(5, dtype=torch.float64) + 0.3 * (1 - inner[:, 0, :, None] ** 2) * W
    assert np.abs(J.matrices[:, 0] - expected.numpy()).max() < 1e-12
    with pytest.raises(ValueError, match="LeakyCell has none"):
        step_jacobians(trace.top, method="closed form")


def test_a_float32_pass_is_differentiated_in_float64():
    model = make_model("gru", {}, dtype=torch.float32)
    trace = record(model, torch.randn(5, 2, 3, generator=torch.Generator().manual_seed(0)), last_step_loss)
    closed = step_jacobians(trace.top)
    assert closed.matrices.dtype == np.float64
    assert np.abs(closed.matrices - step_jacobians(trace.top, method="autodiff").matrices).max() < 1e-6


def test_span_and_samples_select_the_same_matrices():
    _, trace = recorded("lstm", {})
    everything = step_jacobians(trace.top, samples=None).matrices
    part = step_jacobians(trace.top, samples=[2, 0], start=2, stop=5).matrices
    # Products of other shapes: another processor adds in another order.
    assert np.abs(part - everything[2:5][:, [2, 0]]).max() < 1e-13
    steps = trace.top.in_order()
    assert np.abs(state_jacobian(steps[3]).numpy() - everything[3]).max() < 1e-13


@pytest.mark.unchecked
def test_wrong_arguments_are_named():
    _, trace = recorded("gru", {})
    with pytest.raises(ValueError, match="start and stop"):
        step_jacobians(trace.top, start=5, stop=5)
    with pytest.raises(ValueError, match="samples"):
        step_jacobians(trace.top, samples=[3])
    with pytest.raises(ValueError, match="method"):
        step_jacobians(trace.top, method="symbolic")


def test_a_diverged_pass_says_so():
    _, trace = recorded("elman", {"nonlinearity": "tanh"})
    hidden = trace.hidden.clone()
    hidden[0, 4] = torch.nan
    assert step_jacobians(trace.top).reason is None
    assert "not finite" in step_jacobians(with_arrays(trace, hidden=hidden).top).reason


def test_a_relu_state_that_is_not_finite_has_no_jacobian_rather_than_a_zero_one():
    _, trace = recorded("elman", {"nonlinearity": "relu"}, batch_size=1)
    hidden = trace.hidden.clone()
    hidden[0, 4, 0, 1] = torch.nan
    hidden[0, 5, 0, 2] = torch.inf
    result = step_jacobians(with_arrays(trace, hidden=hidden).top)
    assert np.isnan(result.matrices[4, 0, 1]).all()
    assert np.isnan(result.matrices[5, 0, 2]).all()
    assert np.isfinite(result.matrices[:4]).all()
    assert "diverged" in result.reason


def test_a_layer_keeps_its_weights_when_the_model_is_trained_on():
    model, trace = recorded("lstm", {})
    before = step_jacobians(trace.top, samples=None).matrices
    optimiser = torch.optim.SGD(model.parameters(), 10.0)
    for name, parameter in model.named_parameters():
        parameter.grad = trace.parameter_grads[name]
    optimiser.step()
    assert not torch.equal(model.recurrent.weight_hh_l0, trace.top.cell.weight_hh)
    again = replace(trace.top)  # a new record, so that nothing computed before is kept
    assert np.array_equal(step_jacobians(again, samples=None).matrices, before)

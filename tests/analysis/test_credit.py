"""The credit matrix against one autograd pass a loss, and its sum against the recorded total gradient."""

import math

import numpy as np
import pytest
import torch
from oracles import CONFIGURATION_NAMES, CONFIGURATIONS, autograd_loop, linear_model, make_model, random_orthogonal

from analysis.credit import credit
from models import direct_gradients, record

T, B = 11, 3


def losses(outputs):
    return (outputs**2).sum(dim=-1) + torch.sin(outputs[..., 0])


def mean_loss(outputs):
    return losses(outputs).mean()


def recorded(cell, options, truncate=None, loss=mean_loss, **keywords):
    model = make_model(cell, options, **keywords)
    with torch.no_grad():
        for parameter in model.recurrent.parameters():
            parameter.mul_(2)
    inputs = torch.randn(T, B, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    return model, inputs, record(model, inputs, loss, truncate)


def credit_of(model, trace, losses, weights=None, layer=None):
    """The credit of a layer for each timestep's loss; None for the top layer, forwards."""
    D = trace.num_directions
    index = len(trace.layers) - D if layer is None else layer
    return credit(trace.stack.above(index), direct_gradients(model, trace, losses, weights, index % D))


def true_total(result):
    return result.total * np.exp(result.total_log_scale)[..., None]


@pytest.mark.parametrize(("cell", "options"), CONFIGURATIONS, ids=CONFIGURATION_NAMES)
@pytest.mark.parametrize(
    ("num_layers", "bidirectional", "layer"),
    [(1, False, None), (2, False, 0), (3, False, 0), (3, False, 1), (1, True, 0), (1, True, 1), (2, True, 3)],
)
@pytest.mark.parametrize("truncate", [None, 4])
def test_credit_vectors_sum_to_the_total_gradient_within_1e_10(
    cell, options, num_layers, bidirectional, layer, truncate
):
    model, _, trace = recorded(cell, options, truncate, num_layers=num_layers, bidirectional=bidirectional)
    result = credit_of(model, trace, losses, layer=layer)
    index = num_layers - 1 if layer is None else layer
    recorded_total = trace.total_grad_hidden[index].numpy()
    assert np.abs(true_total(result) - recorded_total).max() < 1e-10
    assert np.abs(true_total(result) - recorded_total).max() <= 1e-10 * np.abs(recorded_total).max()
    assert result.reason is None


@pytest.mark.parametrize(("cell", "options"), CONFIGURATIONS, ids=CONFIGURATION_NAMES)
@pytest.mark.parametrize(("num_layers", "bidirectional", "layer"), [(1, False, 0), (2, False, 0), (1, True, 1)])
def test_each_entry_equals_one_autograd_pass_of_its_loss(cell, options, num_layers, bidirectional, layer):
    model, inputs, trace = recorded(cell, options, num_layers=num_layers, bidirectional=bidirectional)
    result = credit_of(model, trace, losses, layer=layer)
    for t in (0, 4, T - 1):
        loop = autograd_loop(model, inputs, lambda outputs, t=t: losses(outputs)[t].sum() / (T * B))
        for k in range(T):
            grad = loop.states[layer][k][0].grad
            with np.errstate(divide="ignore"):
                expected = np.full(B, -np.inf) if grad is None else np.log(grad.norm(dim=-1).numpy())
            assert np.allclose(result.log_norm[t, k], expected, rtol=0, atol=1e-9)


def test_no_state_gets_credit_for_an_earlier_loss():
    model, _, trace = recorded("gru", {})
    above = np.triu_indices(T, 1)  # state times after the loss time
    assert np.isneginf(credit_of(model, trace, losses).log_norm[above]).all()
    model, _, trace = recorded("gru", {}, bidirectional=True)
    assert np.isneginf(credit_of(model, trace, losses, layer=1).log_norm[above[::-1]]).all()
    assert np.isfinite(credit_of(model, trace, losses, layer=1).median[above]).all()


def test_truncation_stops_credit_at_its_boundaries():
    model, _, trace = recorded("lstm", {}, truncate=4)
    chunk = np.arange(T) // 4
    reaches = np.isfinite(credit_of(model, trace, losses).median)
    assert np.array_equal(reaches, (chunk[:, None] == chunk) & (np.arange(T)[:, None] >= np.arange(T)))


def test_weights_choose_the_losses():
    last = torch.zeros(T, B, dtype=torch.float64)
    last[-1] = 1 / B
    model, _, trace = recorded("lstm", {}, loss=lambda outputs: losses(outputs)[-1].mean())
    result = credit_of(model, trace, losses, last)
    assert np.isneginf(result.log_norm[:-1]).all()
    assert np.abs(result.log_norm[-1] - trace.log_norm[0].numpy()).max() < 1e-10
    nothing = credit_of(model, trace, losses, 0 * last)
    assert np.isneginf(nothing.log_norm).all()
    assert (nothing.total == 0).all()


@pytest.mark.parametrize("factor", [2.0, 0.5])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_credit_over_hundreds_of_nats(factor, dtype):
    steps = 1300
    model = linear_model((factor * random_orthogonal(3)).to(dtype), dtype)
    trace = record(model, torch.zeros(steps, 1, 1, dtype=dtype), lambda outputs: outputs[-1].sum())
    weights = torch.zeros(steps, 1)
    weights[[-1, -200]] = 1
    result = credit_of(model, trace, lambda outputs: outputs.sum(dim=-1), weights)
    lag = steps - 1 - np.arange(steps)
    assert np.abs(result.log_norm[-1, :, 0] - lag * math.log(factor)).max() < 1e-3
    assert abs(result.log_norm[-1, 0, 0]) > 900
    assert np.abs(result.log_norm[-200, : steps - 199, 0] - (lag[: steps - 199] - 199) * math.log(factor)).max() < 1e-3
    vector_log_norm = np.log(np.linalg.norm(result.total[:, 0], axis=-1)) + result.total_log_scale[:, 0]
    farther = result.log_norm[[-1, -200], 0, 0].max()
    assert abs(vector_log_norm[0] - farther) < 0.7


def test_wrong_arguments_are_named():
    model, _, trace = recorded("gru", {}, num_layers=2, bidirectional=True)
    with pytest.raises(ValueError, match="layer was 0"):
        credit_of(model, trace, losses, layer=0)
    with pytest.raises(ValueError, match="losses returned shape"):
        credit_of(model, trace, lambda outputs: outputs)
    with pytest.raises(ValueError, match="weights have shape"):
        credit_of(model, trace, losses, torch.ones(T))


def test_a_diverged_pass_says_so():
    model = make_model("elman", {"nonlinearity": "identity"})
    inputs = torch.randn(T, B, 3, dtype=torch.float64)
    inputs[5, 1] = torch.inf
    trace = record(model, inputs, mean_loss)
    result = credit_of(model, trace, losses)
    assert "diverged" in result.reason
    assert np.isfinite(result.log_norm[4, :5, 1]).all()  # what does not lead through the event is still right

"""The timesteps' parts of dL/dW_hh add up to autograd's, and each is what a single step's gradient says."""

import pytest
import torch
from oracles import make_model

from analysis.contributions import contributions
from models import record


def loss(outputs):
    return (outputs**2).mean()


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu", "identity"])
@pytest.mark.parametrize("layer", range(4))
def test_contributions_sum_to_the_gradient_of_every_layer_and_direction(nonlinearity, layer):
    model = make_model("elman", {"nonlinearity": nonlinearity}, num_layers=2, bidirectional=True)
    trace = record(model, torch.randn(7, 3, 3, generator=torch.Generator().manual_seed(1)).double(), loss)
    name = f"recurrent.weight_hh_l{layer // 2}" + ("_reverse" if layer % 2 else "")
    parts = contributions(trace.layers[layer])
    assert parts.shape == (7, 5, 5)
    torch.testing.assert_close(parts.sum(dim=0), trace.parameter_grads[name])
    assert not parts[-1 if layer % 2 else 0].any(), "the initial state is zero"


def test_a_contribution_is_the_gradient_by_the_weights_of_that_step_alone():
    model = make_model("elman", {"nonlinearity": "tanh"})
    inputs = torch.randn(6, 2, 3, generator=torch.Generator().manual_seed(1)).double()
    parts = contributions(record(model, inputs, loss).top)
    r = model.recurrent
    own = [r.get_parameter("weight_hh_l0").detach().clone().requires_grad_() for _ in inputs]
    h, kept = torch.zeros(2, 5, dtype=torch.float64), []
    for x, W in zip(inputs, own, strict=True):
        h = torch.tanh(x @ r.get_parameter("weight_ih_l0").T + r.get_parameter("bias_ih_l0") + h @ W.T
                       + r.get_parameter("bias_hh_l0"))  # fmt: skip
        kept.append(h)
    torch.testing.assert_close(
        parts, torch.stack(torch.autograd.grad(loss(model.readout(torch.stack(kept))), own)), rtol=1e-9, atol=1e-15
    )


def test_a_gated_cell_is_refused():
    model = make_model("lstm", {})
    trace = record(model, torch.zeros(3, 1, 3, dtype=torch.float64), loss)
    with pytest.raises(ValueError, match="Elman"):
        contributions(trace.top)

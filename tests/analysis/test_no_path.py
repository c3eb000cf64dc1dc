"""No path leads to a loss exactly where the gradient is zero, in a network that loses none by chance."""

import numpy as np
import pytest
import torch

from analysis.credit import credit
from analysis.figures.credit import credit_picture
from analysis.figures.hatch import NO_PATH
from analysis.no_path import reached_steps, with_reach
from analysis.profile import profile
from models import SequenceModel, direct_gradients, record

T = 12
LOSSES = {
    "last": lambda outputs: outputs[-1].square().sum(),
    "middle": lambda outputs: outputs[5].square().sum(),
    "every": lambda outputs: outputs.square().sum(),
}
CUTS = {"whole": {}, "blocks": {"truncate": 5}, "window": {"truncate": 3, "truncate_kind": "window"}}
NETWORKS = {
    "one": {}, "two layers": {"num_layers": 2}, "both ways": {"bidirectional": True},
    "two layers both ways": {"num_layers": 2, "bidirectional": True},
}  # fmt: skip


CASES = [
    (network, loss, cut)
    for network in NETWORKS
    for loss in LOSSES
    for cut in CUTS
    if cut != "window" or "both ways" not in network  # a window slides in one direction only
]


@pytest.mark.parametrize(("network", "loss", "cut"), CASES)
def test_no_path_leads_to_a_loss_exactly_where_the_recorded_gradient_is_zero(network, loss, cut):
    torch.manual_seed(0)
    model = SequenceModel("gru", input_size=2, hidden_size=5, output_size=1, dtype=torch.float64, **NETWORKS[network])
    trace = record(model, torch.rand(T, 3, 2, dtype=torch.float64), LOSSES[loss], path="reference", **CUTS[cut])
    reached = torch.stack(reached_steps(trace.stack))
    assert torch.equal(reached, (trace.log_norm > -torch.inf).all(dim=2))


def test_a_profile_says_which_timesteps_have_no_path_and_why():
    model = SequenceModel("elman", input_size=1, hidden_size=3, output_size=1, bidirectional=True)
    trace = record(model, torch.rand(T, 2, 1), LOSSES["last"])
    forwards, backwards = with_reach([profile(layer) for layer in trace.layers], trace.stack)
    assert forwards.no_path is not None
    assert not forwards.no_path.any()
    assert backwards.no_path is not None
    assert np.array_equal(backwards.no_path, np.arange(1, T + 1) < T)
    assert backwards.why_no_path.startswith("The reverse direction reads the last input first")


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("layer", [0, 1])
def test_a_credit_matrix_has_no_path_exactly_where_no_credit_is(cut, layer):
    torch.manual_seed(0)
    model = SequenceModel("gru", input_size=2, hidden_size=5, output_size=1, num_layers=2, dtype=torch.float64)
    inputs = torch.rand(T, 3, 2, dtype=torch.float64)
    trace = record(model, inputs, LOSSES["every"], path="reference", **CUTS[cut])
    direct = direct_gradients(model, trace, lambda outputs: outputs.square().sum(-1))
    made = credit(trace.stack.above(layer), direct)
    assert np.array_equal(made.no_path, np.isneginf(made.log_norm).all(axis=2))
    if layer == 0 and cut != "window":
        assert made.no_path.any()


def test_the_credit_picture_hatches_what_truncation_cuts_and_calls_it_no_zero():
    model = SequenceModel("elman", input_size=1, hidden_size=3, output_size=1)
    trace = record(model, torch.rand(T, 2, 1), LOSSES["every"], truncate=5)
    direct = direct_gradients(model, trace, lambda outputs: outputs.square().sum(-1))
    picture = credit_picture("elman", credit(trace.stack.above(0), direct))
    assert [trace.name for trace in picture.figure.data][-1] == "no path to a loss"
    assert f"{NO_PATH} The gradient stops at the end of each block of 5 timesteps." in picture.sentence
    assert "exactly zero" not in picture.sentence
    whole = record(model, torch.rand(T, 2, 1), LOSSES["every"])
    assert NO_PATH not in credit_picture("elman", credit(whole.stack.above(0), direct)).sentence


def test_a_reverse_layer_gets_credit_from_the_first_loss_at_the_last_timestep():
    model = SequenceModel("elman", input_size=1, hidden_size=3, output_size=1, bidirectional=True)
    trace = record(model, torch.rand(T, 2, 1), LOSSES["every"])
    direct = direct_gradients(model, trace, lambda outputs: outputs.square().sum(-1), direction=1)
    picture = credit_picture("elman", credit(trace.stack.above(1), direct))
    assert f"of the first loss's gradient reaches t\u00a0=\u00a0{T}" in picture.alt
    assert "exactly zero" not in picture.sentence
    assert NO_PATH not in picture.sentence


def test_a_loss_that_sends_exactly_zero_is_no_proof_that_there_is_none():
    """A softmax that is sure and right: its gradient is zero, and where it stands cannot be seen."""
    model = SequenceModel("elman", input_size=2, hidden_size=5, output_size=2)
    trace = record(model, torch.rand(T, 3, 2), lambda outputs: 0.0 * outputs[-1].sum())
    assert not torch.stack(reached_steps(trace.stack)).any()
    (found,) = with_reach([profile(trace.top)], trace.stack)
    assert found.no_path is None
    assert found.course.kind == "zero"

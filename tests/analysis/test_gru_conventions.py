"""A z that overwrites is torch's z with its sign changed, and nothing else is."""

import pytest
import torch
from oracles import make_model, torch_twin

from analysis.gru_conventions import negate_z_, states

INPUTS = torch.randn(8, 2, 3, generator=torch.Generator().manual_seed(1)).double()


def gru(reset_after=True):
    return make_model("gru", {"reset_after": reset_after})


def test_states_read_as_torch_does_are_torchs():
    model = gru()
    torch.testing.assert_close(states(model.recurrent, INPUTS), torch_twin(model)(INPUTS)[0].detach())


@pytest.mark.parametrize("reset_after", [True, False])
def test_an_overwriting_z_with_its_sign_changed_is_the_same_network(reset_after):
    model = gru(reset_after)
    before = states(model.recurrent, INPUTS)
    assert (states(model.recurrent, INPUTS, overwrites=True) - before).abs().max() > 0.01
    negate_z_(model.recurrent)
    torch.testing.assert_close(states(model.recurrent, INPUTS, overwrites=True), before, rtol=0, atol=1e-14)


def test_the_sign_does_not_change_where_the_reset_is():
    after, before = gru(), gru(reset_after=False)
    before.load_state_dict(after.state_dict())
    for model in (after, before):
        negate_z_(model.recurrent)
    assert (states(after.recurrent, INPUTS) - states(before.recurrent, INPUTS)).abs().max() > 1e-3


def test_another_cell_is_refused():
    with pytest.raises(ValueError, match="GRU"):
        negate_z_(make_model("lstm", {}).recurrent)

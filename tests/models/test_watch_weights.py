"""The weights of a record: parametrized, tied, rounded, accumulated over passes; and gradients of any size."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations
from watched_networks import B, Net, T, Unrolled, inputs

from models import watch


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize("parametrize", [parametrizations.orthogonal, parametrizations.spectral_norm])
@pytest.mark.parametrize("make", [nn.RNN, nn.LSTM, nn.GRU, nn.RNNCell, nn.LSTMCell, nn.GRUCell])
def test_a_parametrized_weight_is_the_one_that_the_step_used(make, parametrize):
    def build():
        torch.manual_seed(0)
        weight = "weight_hh" if issubclass(make, nn.RNNCellBase) else "weight_hh_l0"
        module = parametrize(make(3, 4, dtype=torch.float64), weight)
        return module, Unrolled(module) if isinstance(module, nn.RNNCellBase) else Net(module).double()

    (_, plain), (module, net), x, given = build(), build(), inputs(dtype=torch.float64), []
    module.register_forward_hook(lambda m, args, out: given.append(out[0] if isinstance(out, tuple) else out))
    plain(x).square().sum().backward()
    with watch(net) as seen:
        net(x).square().sum().backward()
    for (name, a), b in zip(plain.state_dict().items(), net.state_dict().values(), strict=True):
        assert torch.equal(a, b), name  # a spectral norm's vectors, too
    assert all(torch.equal(a.grad, b.grad) for a, b in zip(plain.parameters(), net.parameters(), strict=True))
    states = torch.stack(given) if len(given) > 1 else given[0]
    traces = seen.calls(seen.names[0])
    assert torch.allclose(torch.cat([trace.hidden[0] for trace in traces]), states, rtol=0, atol=1e-12)
    # in a loop a spectral norm gives each call weights of its own, so that the calls are no one sequence
    is_one = parametrize is parametrizations.orthogonal or len(given) == 1
    assert len(traces) == (1 if is_one else T)


def test_two_backward_passes_through_one_graph_are_two_records():
    net = Net(nn.LSTM(3, 4)).double()
    with watch(net) as seen:
        out = net(inputs(dtype=torch.float64))
        out.sum().backward(retain_graph=True)
        once = seen["rnn"]
        (2 * out).sum().backward()
    assert torch.allclose(seen["rnn"].total_grad_hidden, 2 * once.total_grad_hidden, rtol=1e-12)


def test_accumulated_gradients_are_recorded_pass_by_pass():
    net = Net(nn.GRU(3, 4)).double()
    sums = []
    with watch(net) as seen:
        for k in range(3):
            net(inputs(k, dtype=torch.float64)).square().mean().backward()
            sums.append(seen["rnn"].parameter_grads["rnn.weight_hh_l0"])
    assert torch.allclose(sum(sums), net.rnn.weight_hh_l0.grad, rtol=1e-10, atol=1e-14)


def test_a_tied_weight_has_the_gradient_of_both_uses():
    net = nn.ModuleList([nn.GRU(4, 4), nn.GRU(4, 4)]).double()
    net[1].weight_hh_l0 = net[0].weight_hh_l0
    with watch(net) as seen:
        out, _ = net[0](torch.randn(T, B, 4, dtype=torch.float64))
        net[1](out)[0].square().sum().backward()
    both = seen["0"].parameter_grads["0.weight_hh_l0"] + seen["1"].parameter_grads["1.weight_hh_l0"]
    assert torch.allclose(both, net[0].weight_hh_l0.grad, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("make", [nn.LSTM, nn.GRU, nn.RNN])
def test_autocast_is_recorded_with_rounded_weights(make):
    torch.manual_seed(0)
    net = Net(make(3, 8))
    plain = copy.deepcopy(net)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        try:
            plain(inputs())
        except RuntimeError as error:  # oneDNN has no bfloat16 LSTM for processors without AVX-512
            if "could not create a primitive descriptor" not in str(error):
                raise
            pytest.skip(f"torch itself cannot run this module in bfloat16 here: {error}")
    with torch.autocast("cpu", dtype=torch.bfloat16), watch(net) as seen:
        net(inputs()).float().square().sum().backward()
        plain(inputs()).float().square().sum().backward()
        expected = plain.rnn(inputs())[0]
    assert all(torch.equal(a.grad, b.grad) for a, b in zip(plain.parameters(), net.parameters(), strict=True))
    assert seen["rnn"].hidden.dtype == torch.float32
    assert (seen["rnn"].hidden[0] - expected.float()).abs().max() < 0.02  # bfloat16 has 8 bits


def test_a_gradient_that_the_dtype_cannot_hold_is_recorded_all_the_same():
    rnn = nn.RNN(1, 4)
    with torch.no_grad():
        rnn.weight_hh_l0.copy_(0.01 * torch.eye(4))
    with watch(rnn) as seen:
        rnn(torch.zeros(100, 1, 1))[0][-1].sum().backward()
    assert seen[""].log_norm[0, 0, 0] < -400


def test_the_weights_of_a_record_are_those_of_its_step():
    net = Net(nn.GRU(3, 4))
    optimiser = torch.optim.SGD(net.parameters(), lr=0.5)
    before = net.rnn.weight_hh_l0.detach().clone()
    with watch(net) as seen:
        net(inputs()).sum().backward()
        optimiser.step()
    assert torch.equal(seen["rnn"].top.cell.weight_hh, before)


@pytest.mark.parametrize("form", [{"num_layers": 2}, {"bidirectional": True}])
def test_weights_tied_within_a_module_are_accounted_for(form):
    lstm = nn.LSTM(4, 4, **form)
    other = "_l1" if "num_layers" in form else "_l0_reverse"
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        setattr(lstm, f"{name}{other}", getattr(lstm, f"{name}_l0"))
    with watch(lstm) as seen:
        lstm(torch.randn(6, 2, 4))[0].square().sum().backward()
    grads = seen[""].parameter_grads
    assert torch.allclose(grads["weight_hh_l0"] + grads[f"weight_hh{other}"], lstm.weight_hh_l0.grad, atol=1e-5)
    assert seen.notes == {}

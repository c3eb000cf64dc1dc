"""What `watch` does beside recording: which steps, what it leaves alone, and what it says."""

import copy
import pickle

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations
from watched_networks import B, Net, T, Unrolled, inputs

from models import watch
from models.recording import watch_budget


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def hooks_of(network):
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks")
    on_weights = [p._post_accumulate_grad_hooks for p in network.parameters()]
    return [hook for m in network.modules() for kind in kinds for hook in getattr(m, kind)], [
        h for h in on_weights if h
    ]


def test_one_step_of_so_many_is_recorded_and_the_others_have_no_hook_on_the_module():
    net = Net(nn.GRU(3, 4))
    recorded = []
    with watch(net, every=3) as seen:
        for step in range(7):
            net(inputs(step)).sum().backward()
            assert bool(net.rnn._forward_hooks) == ((step + 1) % 3 == 0)
            recorded.append(bool(torch.equal(seen["rnn"].inputs, inputs(step))))
    assert recorded == [True, False, False, True, False, False, True]
    assert hooks_of(net) == ([], [])


def test_a_frozen_module_counts_the_steps_of_the_network_around_it():
    net = Net(nn.LSTM(3, 4))
    net.rnn.requires_grad_(False)
    with watch(net, every=2) as seen:
        for step in range(4):
            net(inputs(step).requires_grad_()).sum().backward()
    assert torch.equal(seen["rnn"].inputs, inputs(2))


def test_an_exception_leaves_no_hook_behind():
    net = Net(nn.LSTM(3, 4))
    with pytest.raises(RuntimeError), watch(net, every=2):
        net(torch.zeros(T, B, 99))
    assert hooks_of(net) == ([], [])


def test_an_exception_inside_a_parametrized_cell_leaves_no_hook_on_its_weights():
    cell = parametrizations.orthogonal(nn.LSTMCell(3, 4), "weight_hh")
    with watch(cell), pytest.raises(RuntimeError):
        cell(torch.zeros(2, 99))
    assert not cell.parametrizations["weight_hh"]._forward_hooks


def test_what_is_not_differentiated_is_said_in_a_sentence():
    net = nn.ModuleDict(
        {"used": nn.GRU(3, 4), "outside": nn.GRU(3, 4), "evaluated": nn.LSTM(3, 4), "idle": nn.RNN(3, 4)}
    )
    with watch(net) as seen:
        out, _ = net["used"](inputs())
        net["outside"](inputs())
        with torch.no_grad():
            net["evaluated"](inputs())
        out.sum().backward()
    assert seen.notes.keys() == {"outside", "evaluated", "idle"}
    assert "outside of the loss" in seen.notes["outside"]
    assert "without gradients" in seen.notes["evaluated"]
    assert "was not called" in seen.notes["idle"]
    with pytest.raises(KeyError, match="without gradients"):
        seen["evaluated"]
    with pytest.raises(KeyError, match="no recurrent module is called"):
        seen["nothing"]
    assert "used" in seen
    assert "idle" not in seen


def test_an_evaluation_after_the_backward_pass_keeps_what_was_seen():
    net = Net(nn.GRU(3, 4))
    with watch(net) as seen:
        net(inputs()).sum().backward()
        with torch.no_grad():
            net(inputs(1))
    assert torch.equal(seen["rnn"].inputs, inputs())


@pytest.mark.parametrize(("arguments", "words"), [({"every": 0}, "every was 0"), ({"samples": 0}, "samples was 0")])
def test_a_number_that_is_not_whole_or_too_small_is_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        watch(nn.GRU(3, 4), **arguments)


def test_a_network_without_a_recurrent_module_is_refused():
    with pytest.raises(ValueError, match="Linear contains no"):
        watch(nn.Linear(3, 4))


def test_the_first_samples_of_a_batch_are_recorded_as_in_the_whole_one():
    net = Net(nn.LSTM(3, 4, num_layers=2, dropout=0.3)).double()
    traces = []
    for samples in (None, 2):
        torch.manual_seed(1)
        with watch(net, samples=samples) as seen:
            net(inputs(dtype=torch.float64)).square().sum().backward()
        traces.append(seen["rnn"])
    assert traces[1].hidden.shape == (2, T, 2, 4)
    assert torch.allclose(traces[0].log_norm[:, :, :2], traces[1].log_norm, rtol=0, atol=1e-12)


def test_a_record_that_is_too_large_is_refused_with_what_would_fit(monkeypatch):
    monkeypatch.setattr(watch_budget, "BUDGET", 2500)
    net = Net(nn.GRU(3, 4))
    with watch(net) as seen:
        net(inputs()).sum().backward()
    assert "at most" in seen.notes["rnn"]
    assert "samples=" in seen.notes["rnn"]
    fits = int(seen.notes["rnn"].split("samples=")[1].split(")")[0])
    with watch(net, samples=fits) as seen:
        net(inputs()).sum().backward()
    assert seen["rnn"].hidden.shape[2] == fits


def test_a_watched_module_does_not_know_its_loss():
    rnn = nn.GRU(3, 4)
    with watch(rnn) as seen:
        rnn(inputs())[0].sum().backward()
    assert seen[""].loss is None
    with pytest.raises(ValueError, match="has no loss"):
        _ = seen[""].loss_value


def test_a_copy_and_a_pickle_of_a_watched_network_are_not_watched():
    net = Net(nn.GRU(3, 4))
    with watch(net, every=2) as seen:
        twin, stored = copy.deepcopy(net), pickle.loads(pickle.dumps(net))
        for other in (twin, stored):
            other(inputs()).sum().backward()
        assert "rnn" not in seen
        net(inputs()).sum().backward()
        assert "rnn" in seen


def test_nothing_is_kept_of_calls_whose_graph_is_gone():
    net = Net(nn.GRU(3, 4))
    with watch(net) as seen:
        for k in range(5):
            net(inputs(k))
        (watched,) = seen._watched.values()
        assert len(watched._ends) == 0


def test_a_module_that_gives_something_else_is_said_and_not_raised():
    class Odd(nn.GRU):
        def forward(self, x, hx=None):
            return super().forward(x, hx)[0]

    net = Odd(3, 4)
    with watch(net) as seen:
        net(inputs()).sum().backward()
    assert "could not be recorded" in seen.notes[""]


def test_a_backward_pass_that_breaks_off_spoils_no_later_one():
    net = Unrolled(nn.LSTMCell(3, 4))
    expected = []
    with watch(net) as seen:
        for breaks in (False, True, False):
            out = net(inputs())
            early = inputs().requires_grad_()
            if breaks:
                early.register_hook(lambda grad: 1 / 0)
                out = net(early)
                with pytest.raises(ZeroDivisionError):
                    out.sum().backward(retain_graph=True)
                continue
            out.sum().backward()
            expected.append(seen["cell"].log_norm)
    assert torch.equal(*expected)

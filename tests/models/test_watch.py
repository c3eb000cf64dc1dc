"""What `watch` does beside recording: which steps, what it leaves alone, and what it says."""

import copy
import pickle

import pytest
import torch
from explicit_loops import states_and_gradients, with_loops
from torch import nn
from torch.nn.utils import parametrizations

from models import AlertError, gradient_below, not_finite, watch
from models.bptt.scaled import true_value
from models.recording import watch_budget

T, B = 6, 3


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


class Net(nn.Module):
    def __init__(self, recurrent):
        super().__init__()
        self.rnn = recurrent
        self.head = nn.Linear(recurrent.hidden_size, 1)

    def forward(self, x, hx=None):
        return self.head(self.rnn(x, hx)[0][-1])


class Unrolled(nn.Module):
    """A cell in a loop; the states are read once more at the end."""

    def __init__(self, cell):
        super().__init__()
        self.cell = cell

    def forward(self, x, hx=None):
        states = []
        for x_t in x:
            hx = self.cell(x_t, hx)
            states.append(hx[0] if isinstance(hx, tuple) else hx)
        return torch.stack(states)


def inputs(seed=0, **options):
    return torch.randn(T, B, 3, generator=torch.Generator().manual_seed(seed), **options)


def hooks_of(network):
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks")
    on_weights = [p._post_accumulate_grad_hooks for p in network.parameters()]
    return [hook for m in network.modules() for kind in kinds for hook in getattr(m, kind)], [
        h for h in on_weights if h
    ]


def assert_equal_to_loops(trace, calls):
    for which in range(len(trace.layers[0].after)):
        states, total = states_and_gradients(calls, 0, which)
        assert torch.allclose(trace.layers[0].after[which], states, rtol=0, atol=1e-11)
        assert torch.allclose(true_value(trace.layers[0].total[which]), total, rtol=0, atol=1e-11)


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


def test_an_exception_inside_a_parametrized_cell_ends_the_cache_of_its_weights():
    cell = parametrizations.orthogonal(nn.LSTMCell(3, 4), "weight_hh")
    with watch(cell), pytest.raises(RuntimeError):
        cell(torch.zeros(2, 99))
    assert torch.nn.utils.parametrize._cache_enabled == 0


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


@pytest.mark.parametrize("make", [nn.RNNCell, nn.LSTMCell, nn.GRUCell])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("given", ["none", "learned"])
def test_cells_in_a_loop_are_one_sequence_and_no_bit_changes(make, bias, given):
    torch.manual_seed(0)
    net = Unrolled(make(3, 4, bias=bias)).double()
    twin, looped = with_loops(net)
    plain, x = copy.deepcopy(net), inputs(dtype=torch.float64)
    states = torch.randn(2, B, 4, dtype=torch.float64).unbind()
    starts = []

    def run(network):
        start = [s.clone().requires_grad_() for s in states]
        hx = None if given == "none" else tuple(start) if make is nn.LSTMCell else start[0]
        starts.append(start)
        ((network(x, hx) ** 2).sum() + network(x[:2], hx)[-1].sum()).backward()

    run(plain)
    with watch(net) as seen:
        run(net)
    run(twin)
    assert all(torch.equal(a.grad, b.grad) for a, b in zip(plain.parameters(), net.parameters(), strict=True))
    long, short = seen.calls("cell")
    assert (long.seq_len, short.seq_len) == (T, 2)
    assert_equal_to_loops(long, looped["cell"].calls[:T])
    assert_equal_to_loops(short, looped["cell"].calls[T:])
    assert set(seen["cell"].parameter_grads) == {f"cell.{name}" for name, _ in net.cell.named_parameters()}
    for name, grad in net.cell.named_parameters():
        both = long.parameter_grads[f"cell.{name}"] + short.parameter_grads[f"cell.{name}"]
        assert torch.allclose(both, grad.grad, rtol=1e-10, atol=1e-12)
    if given == "learned":
        of_both = zip(long.grad_initial, short.grad_initial, starts[0], strict=False)
        assert all(torch.allclose(a[0] + b[0], s.grad, atol=1e-12) for a, b, s in of_both)


def test_what_the_loss_sends_directly_is_exactly_zero_where_it_sends_nothing():
    net = Unrolled(nn.LSTMCell(3, 4))
    with watch(net) as seen:
        net(inputs())[-1].sum().backward()
    assert torch.equal(seen["cell"].direct_log_norm[0, :-1], torch.full((T - 1, B), -torch.inf, dtype=torch.float64))


def test_a_state_that_two_calls_take_joins_the_first_and_is_direct_for_the_second():
    torch.manual_seed(0)
    cell = nn.GRUCell(3, 4).double()
    x = inputs(dtype=torch.float64)

    def run(cell):
        h = cell(x[0])
        (cell(x[1], h).sum() + 2 * cell(x[2], h).square().sum()).backward()

    with watch(cell) as seen:
        run(cell)
    _, looped = with_loops(nn.ModuleDict({"cell": cell}))
    run(looped["cell"])
    long, short = seen.calls("")
    assert (long.seq_len, short.seq_len) == (2, 1)
    assert_equal_to_loops(long, looped["cell"].calls[:2])
    assert_equal_to_loops(short, looped["cell"].calls[2:])


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


def test_nothing_is_kept_of_calls_whose_graph_is_gone():
    net = Net(nn.GRU(3, 4))
    with watch(net) as seen:
        for k in range(5):
            net(inputs(k))
        (watched,) = seen._watched.values()
        assert len(watched._ends) == 0


def test_an_alert_stops_a_training_whose_gradient_vanishes():
    rnn = nn.RNN(1, 4)
    with torch.no_grad():
        rnn.weight_hh_l0.copy_(0.1 * torch.eye(4))
    with watch(rnn) as seen:
        seen.alert(gradient_below(1e-6, lag=20))
        rnn(torch.zeros(20, 1, 1))[0][-1].sum().backward()  # has no lag 20
        with pytest.raises(AlertError, match="the gradient at lag 20 is below 1e-06 of its size at lag 0"):
            rnn(torch.zeros(21, 1, 1))[0][-1].sum().backward()
    assert seen[""].seq_len == 21
    assert rnn.weight_hh_l0.grad is not None


def test_an_alert_tells_of_what_is_not_finite():
    rnn, told = nn.RNN(1, 4, nonlinearity="relu"), []
    with torch.no_grad():
        rnn.weight_hh_l0.fill_(1e30)
    with watch(rnn) as seen:
        seen.alert(not_finite(), then=told.append)
        rnn(torch.ones(5, 2, 1).abs())[0][0].sum().backward()
    (sentence,) = told
    assert sentence.startswith("the watched module: Inf or NaN first in the states of layer 0, at t = ")


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


class Chunked(nn.Module):
    """Two timesteps per call, the state carried on within one graph; each chunk's state is read, too."""

    def __init__(self, rnn):
        super().__init__()
        self.rnn = rnn

    def forward(self, x):
        hx, outputs, states = None, [], []
        for chunk in x.split(2):
            output, hx = self.rnn(chunk, hx)
            outputs.append(output)
            states.append(hx[0] if isinstance(hx, tuple) else hx)
        return torch.cat(outputs).square().sum() + torch.stack(states).sin().sum()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("make", [nn.RNN, nn.LSTM, nn.GRU])
def test_calls_that_carry_their_state_are_one_sequence(make, bidirectional, dtype):
    torch.manual_seed(0)
    net = Chunked(make(3, 4, num_layers=2, dropout=0.5, bidirectional=bidirectional, dtype=dtype))
    twin, looped = with_loops(net)
    plain, x = copy.deepcopy(net), inputs(dtype=dtype)
    for network in (plain, net, twin):
        torch.manual_seed(3)
        if network is net:
            with watch(net) as seen:
                net(x).backward()
        else:
            network(x).backward()
    assert all(torch.equal(a.grad, b.grad) for a, b in zip(plain.parameters(), net.parameters(), strict=True))
    traces, calls = seen.calls("rnn"), looped["rnn"].calls
    # the reverse direction of a later call comes before that of an earlier one: no one sequence
    assert [trace.seq_len for trace in traces] == ([2, 2, 2] if bidirectional else [6])
    tolerance = 1e-11 if dtype == torch.float64 else 1e-5
    for n, trace in enumerate(traces):
        for k, layer in enumerate(trace.layers):
            for which in range(len(layer.after)):
                states, total = states_and_gradients(calls[n : n + 1] if bidirectional else calls, k, which)
                assert torch.allclose(layer.after[which], states, rtol=0, atol=tolerance)
                assert torch.allclose(true_value(layer.total[which]), total, rtol=0, atol=tolerance)


@pytest.mark.parametrize("form", ["time first", "batch first", "unbatched"])
@pytest.mark.parametrize("make", [nn.LSTM, nn.GRU])
def test_an_output_that_is_changed_in_place_sends_what_it_sent_before(make, form):
    rnn = make(3, 4, batch_first=form == "batch first").double()
    x = inputs(dtype=torch.float64)
    traces = []
    for in_place in (False, True):
        with watch(rnn) as seen:
            out, _ = rnn(x[:, 0] if form == "unbatched" else x)
            out = out.mul_(3) if in_place else out * 3
            out.square().sum().backward()
        traces.append(seen[""])
    assert torch.allclose(traces[0].log_norm, traces[1].log_norm, rtol=0, atol=1e-10)
    assert torch.allclose(traces[0].direct_log_norm, traces[1].direct_log_norm, rtol=0, atol=1e-10)

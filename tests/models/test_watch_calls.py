"""Calls of a module that carry their state on are one sequence, and its gradients are those of an explicit loop."""

import copy

import pytest
import torch
from explicit_loops import states_and_gradients, with_loops
from torch import nn
from watched_networks import B, T, Unrolled, assert_equal_to_loops, inputs

from models import watch
from models.bptt.scaled import true_value


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


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


@pytest.mark.parametrize(
    ("make", "reads_c"), [(nn.RNNCell, False), (nn.GRUCell, False), (nn.LSTMCell, False), (nn.LSTMCell, True)]
)
def test_cells_without_a_batch_axis_have_the_gradients_of_a_batch_of_one(make, reads_c):
    cells = nn.ModuleList([make(3, 4), make(4, 4)]).double()
    x = torch.randn(T, 3, dtype=torch.float64)

    def run(xs):
        cells.zero_grad()
        carried, kept, loss = [(), ()], [], torch.zeros(())
        with watch(cells) as seen:
            for step in xs:
                for k, cell in enumerate(cells):
                    carried[k] = (cell(step, *carried[k]),)
                    step = carried[k][0][0] if make is nn.LSTMCell else carried[k][0]
                step.retain_grad()
                kept.append(step)
                loss = loss + (step**2).sum()
            (loss + (carried[1][0][1].sum() if reads_c else 0)).backward()
        assert seen.notes == {}
        return seen, torch.stack([h.grad.reshape(4) for h in kept])

    (plain, of_h), (batched, _) = run(x), run(x[:, None])
    assert torch.allclose(true_value(plain["1"].top.total[0])[:, 0], of_h, rtol=1e-12, atol=1e-15)
    for name in ("0", "1"):
        one, other = plain[name].top, batched[name].top
        for a, b in zip((*one.total, *one.direct), (*other.total, *other.direct), strict=True):
            assert torch.allclose(true_value(a), true_value(b), rtol=1e-12, atol=1e-15)
        assert len(one.direct) < 2 or name == "1" or not one.direct[1].parts[0].any()
        for parameter, weight in cells[int(name)].named_parameters():
            assert torch.allclose(plain[name].parameter_grads[f"{name}.{parameter}"], weight.grad, rtol=1e-12)


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

"""What a program changes between a watched call and the end of its backward pass, and what it changes of the call."""

import pytest
import torch
from torch import nn

from models import SequenceModel, watch
from models import record as record_pass

T, B = 6, 3


@pytest.fixture(autouse=True)
def _float64():
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def assert_own_gradients(seen, module, name="", grads=None):
    """The traces' gradients of the weights, summed over the calls, are autograd's."""
    for weight, parameter in module.named_parameters():
        ours = sum(trace.parameter_grads[f"{name}.{weight}".lstrip(".")] for trace in seen.calls(name))
        true = parameter.grad if grads is None else grads[weight]
        assert torch.allclose(ours, true, rtol=1e-10, atol=1e-12), weight


@pytest.mark.parametrize("make", [nn.RNN, nn.LSTM, nn.GRU, nn.GRUCell])
def test_an_optimiser_that_steps_during_the_backward_pass_changes_no_trace(make):
    module = make(3, 4)
    grads = {}

    def step(name, parameter):
        optimiser = torch.optim.SGD([parameter], lr=1.0)

        def hook(_):
            grads[name] = parameter.grad.clone()
            optimiser.step()
            optimiser.zero_grad()

        parameter.register_post_accumulate_grad_hook(hook)

    x, h = torch.randn(T, B, 3), torch.zeros(B, 4)
    with watch(module) as seen:
        for name, parameter in module.named_parameters():
            step(name, parameter)
        for _ in range(2):
            if make is nn.GRUCell:
                output = h
                for x_t in x:
                    output = module(x_t, output)
            else:
                output = module(x)[0]
            output.square().sum().backward()
            assert_own_gradients(seen, module, grads=grads)


@pytest.mark.parametrize("make", [nn.LSTMCell, nn.GRUCell])
def test_a_state_that_is_reset_in_place_begins_a_sequence(make):
    cell, x, done = make(3, 4), torch.randn(T, B, 3), torch.tensor([False, True, False])
    with watch(cell) as seen:
        state, hidden = None, []
        for t, x_t in enumerate(x):
            state = cell(x_t, state)
            h = state[0] if isinstance(state, tuple) else state
            hidden.append(h.clone())
            if t == 2:
                h[done] = 0
        torch.stack(hidden).square().sum().backward()
    assert [trace.seq_len for trace in seen.calls("")] == [3, 3]
    assert (seen[""].layers[0].start[0][1] == 0).all()
    assert_own_gradients(seen, cell)


@pytest.mark.parametrize("make", [nn.LSTMCell, nn.GRUCell])
def test_a_cell_that_reads_its_own_state_has_one_trace_per_call(make):
    cell, state = make(4, 4), torch.randn(B, 4)
    state = (state, torch.randn(B, 4)) if make is nn.LSTMCell else state
    with watch(cell) as seen:
        for _ in range(T):
            state = cell(state[0], state) if make is nn.LSTMCell else cell(state, state)
        (state[0] if make is nn.LSTMCell else state).square().sum().backward()
    assert len(seen.calls("")) == T
    assert_own_gradients(seen, cell)


def test_the_next_batch_in_the_same_tensor_changes_no_trace():
    rnn, model, buffer = nn.GRU(3, 4), SequenceModel("gru", 3, 4, 1), torch.randn(T, B, 3)
    start, lengths, batch = torch.randn(1, B, 4), torch.tensor([T, 4, 2]), buffer.clone()
    first = start[0].clone()
    with watch(rnn) as seen:
        rnn(buffer)[0].square().sum().backward()
    trace = record_pass(model, buffer, lambda outputs: outputs.square().sum(), start=[start], lengths=lengths)
    buffer.normal_(), start.normal_(), lengths.sub_(1)
    assert torch.equal(seen[""].inputs, batch)
    assert torch.equal(trace.inputs[:2], batch[:2]), "no sequence ends before"
    assert torch.equal(trace.top.start[0], first)
    assert trace.top.lengths.tolist() == [T, 4, 2]


def test_of_a_frozen_module_the_batch_may_change_before_the_backward_pass():
    rnn, buffer, start = nn.GRU(3, 4).requires_grad_(False), torch.randn(T, B, 3), torch.zeros(1, B, 4)
    start.requires_grad_()
    with watch(rnn) as seen:
        output, _ = rnn(buffer, start)
        buffer.normal_()
        output.square().sum().backward()
    assert torch.allclose(seen[""].outputs, output.detach())
    assert torch.allclose(seen[""].grad_initial[0], start.grad[0], rtol=1e-10)


@pytest.mark.parametrize("hook", [lambda grad: grad.clamp(-0.1, 0.1), lambda grad: -grad], ids=["clamp", "reverse"])
def test_a_hook_that_changes_a_gradient_on_its_way_is_followed(hook):
    cell, rnn, x = nn.GRUCell(3, 4), nn.LSTM(3, 4), torch.randn(T, B, 3)
    with watch(cell) as seen:
        h = torch.zeros(B, 4)
        for x_t in x:
            h = cell(x_t, h)
            h.register_hook(hook)
        (3 * h).square().sum().backward()
    assert_own_gradients(seen, cell)
    with watch(rnn) as seen:
        output, _ = rnn(x)
        output.register_hook(hook)
        output.square().sum().backward()
    assert_own_gradients(seen, rnn)


class Normed(nn.LSTM):
    def forward(self, x, hx=None):
        output, last = super().forward(x, hx)
        return nn.functional.layer_norm(output, output.shape[-1:]), last


class Noisy(nn.GRU):
    def forward(self, x, hx=None):
        return super().forward(nn.functional.dropout(x, 0.5), hx)


def scaled(dtype):
    rnn = nn.GRU(3, 4, dtype=dtype)
    rnn.register_forward_hook(lambda module, args, result: (3 * result[0], result[1]))
    return rnn


class OtherLast(nn.LSTM):
    def forward(self, x, hx=None):
        output, (h, c) = super().forward(x, hx)
        return output, (h, 0.5 * c)


class Reversed(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad):
        return -grad


class Adversarial(nn.GRU):
    def forward(self, x, hx=None):
        output, last = super().forward(x, hx)
        return Reversed.apply(output), last


def patched(dtype):
    rnn = nn.GRU(3, 4, dtype=dtype)
    rnn.forward = lambda x, hx=None: nn.GRU.forward(rnn, 2 * x, hx)
    return rnn


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("make", [*(lambda d, kind=kind: kind(3, 4, dtype=d)
                                    for kind in (Normed, Noisy, OtherLast, Adversarial)), scaled, patched])  # fmt: skip
def test_a_module_that_does_more_than_torchs_has_a_note_and_no_trace(make, dtype):
    module = make(dtype)
    with watch(module) as seen:
        module(torch.randn(T, B, 3, dtype=dtype))[0].square().sum().backward()
    assert "" not in seen
    assert "gave another result than torch's own class does" in seen.notes[""]


def test_random_numbers_that_a_hook_draws_before_the_dropout_are_noticed():
    rnn = nn.LSTM(3, 4, num_layers=2, dropout=0.5)
    with watch(rnn) as seen:
        rnn.register_forward_pre_hook(lambda module, args: (args[0] + torch.randn(T, B, 3),))
        rnn(torch.randn(T, B, 3))[0].square().sum().backward()
    assert "random numbers of a hook" in seen.notes[""]


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_a_subclass_and_hooks_that_change_nothing_are_watched(kind):
    module = type("Mine", (kind,), {})(3, 4, num_layers=2, dropout=0.5)
    module.register_forward_hook(lambda module, args, result: None)
    with watch(module) as seen:
        module(torch.randn(T, B, 3))[0].square().sum().backward()
    assert_own_gradients(seen, module)


@pytest.mark.parametrize("gain", [1.0, 4.0])
def test_a_chaotic_network_has_a_trace_and_a_note_that_rounding_has_changed_its_pass(gain):
    rnn = nn.RNN(3, 64, dtype=torch.float32)
    nn.init.normal_(rnn.weight_hh_l0, std=gain / 8)
    with watch(rnn) as seen:
        output, _ = rnn(torch.randn(400, 32, 3, dtype=torch.float32))
        output.sum().backward()
    difference = (seen[""].outputs - output.detach()).abs().max()  # how each CPU rounds decides
    assert ("numbers are another pass's" in seen.notes.get("", "")) == bool(difference > 0.01 * output.abs().max())
    assert gain > 1 or difference < 1e-4


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("size", [1, 2, 8])
@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_short_dtypes_are_not_refused(kind, size, dtype):
    rnn = kind(3, size, dtype=dtype)
    with watch(rnn) as seen:
        rnn(torch.randn(60, 16, 3, dtype=dtype))[0].float().sum().backward()
    assert "" in seen


def test_a_state_that_is_detached_in_place_begins_a_sequence():
    cell, h = nn.GRUCell(3, 4), torch.zeros(B, 4)
    with watch(cell) as seen:
        hidden = []
        for t, x_t in enumerate(torch.randn(T, B, 3)):
            h = cell(x_t, h)
            hidden.append(h.square().sum())
            if t == 2:
                h.detach_()
        torch.stack(hidden[3:]).sum().backward()
    assert [trace.seq_len for trace in seen.calls("")] == [3]
    assert_own_gradients(seen, cell)


def test_a_pass_that_reaches_the_later_calls_only_has_a_trace_of_them():
    cell, h = nn.GRUCell(3, 4), torch.zeros(B, 4)
    with watch(cell) as seen:
        states = []
        for x_t in torch.randn(T, B, 3):
            h = cell(x_t, h)
            states.append(h)
        torch.autograd.grad(h.square().sum(), [states[2]])
    assert [trace.seq_len for trace in seen.calls("")] == [T - 3]


def test_weights_that_change_without_autograds_knowledge_are_the_new_ones():
    rnn, x = nn.GRU(3, 4), torch.randn(T, B, 3)
    with watch(rnn) as seen:
        rnn(x)
        rnn.weight_hh_l0.data.mul_(1.02)
        rnn(x)[0].square().sum().backward()
    assert_own_gradients(seen, rnn)


def test_a_pass_that_reaches_the_weights_alone_leaves_the_trace_and_says_so():
    rnn, x = nn.LSTM(3, 4), torch.randn(T, B, 3, requires_grad=True)
    with watch(rnn) as seen:
        (grad,) = torch.autograd.grad(rnn(x)[0].sum(), x, create_graph=True)
        assert "" not in seen.notes
        grad.square().sum().backward()
        assert "at its weights alone" in seen.notes[""]
        rnn(x)[0].sum().backward()
        assert not seen.notes


def test_a_pass_through_the_gradients_own_graph_has_a_note_and_no_trace():
    rnn, x = nn.LSTM(3, 4), torch.randn(T, B, 3, requires_grad=True)
    with watch(rnn) as seen:
        output, _ = rnn(x)
        (grad,) = torch.autograd.grad(output.sum(), x, create_graph=True)
        assert "" in seen
        (output.square().sum() + grad.square().sum()).backward()
    assert "" not in seen
    assert "create_graph=True" in seen.notes[""]


def test_an_empty_batch_has_a_note_and_the_next_one_a_trace():
    rnn = nn.LSTM(3, 4)
    with watch(rnn) as seen:
        rnn(torch.randn(T, 0, 3))[0].sum().backward()
        assert seen.notes[""] == "The LSTM was called without a sequence or a timestep."
        rnn(torch.randn(T, B, 3))[0].sum().backward()
    assert "" in seen


@pytest.mark.parametrize("inner", [False, True])
def test_steps_are_counted_on_after_other_weights_were_assigned(inner):
    net, recorded = nn.ModuleDict({"rnn": nn.LSTM(3, 4)}), []
    loaded = net["rnn"] if inner else net
    with watch(net, every=2) as seen:
        seen.alert(lambda trace: "here", then=lambda words: recorded.append(seen.step))
        for k in range(6):
            if k == 1:
                loaded.load_state_dict({name: p.clone() for name, p in loaded.state_dict().items()}, assign=True)
            net["rnn"](torch.randn(T, B, 3))[0].sum().backward()
    assert (seen.step, recorded) == (6, [1, 3, 5])

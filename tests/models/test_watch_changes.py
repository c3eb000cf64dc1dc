"""What a program changes between a watched call and the end of its backward pass."""

import pytest
import torch
from torch import nn
from watched_networks import assert_own_gradients

from models import SequenceModel, watch
from models import record as record_pass

T, B = 6, 3


pytestmark = pytest.mark.usefixtures("float64")


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

"""Watched modules that do more than torch's own, and passes of other kinds: what is followed, and what has a note."""

from contextlib import nullcontext

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize
from watched_networks import assert_own_gradients

from models import watch

T, B = 6, 3


pytestmark = pytest.mark.usefixtures("float64")


def test_a_loss_in_the_middle_is_described_from_where_it_enters():
    torch.manual_seed(0)
    network = nn.LSTM(3, 4)
    with watch(network) as seen:
        network(torch.randn(30, 2, 3))[0][10].sum().backward()
    assert "at lag 29 (exactly zero before lag 19)." in str(seen.report())


@pytest.mark.parametrize("normed", [True, False])
def test_a_loop_whose_state_is_changed_between_its_calls_has_a_note(normed):
    cell, norm = nn.LSTMCell(3, 4), nn.LayerNorm(4)
    h = c = torch.zeros(2, 4)
    with watch(cell) as seen:
        for x in torch.randn(10, 2, 3):
            h, c = cell(x, (h, c))
            h = norm(h) if normed else h
        h.sum().backward()
    assert seen[""].seq_len == (1 if normed else 10)
    said = "neither copied, reshaped nor detached: each trace has one timestep"
    assert (said in seen.notes.get("", "")) == normed
    assert ("" in seen.notes) == normed


def test_a_loop_whose_weights_change_from_call_to_call_has_a_note_that_says_so():
    cell = parametrizations.spectral_norm(nn.GRUCell(3, 4), "weight_hh")  # a power iteration at each call
    with watch(cell) as seen:
        h = torch.zeros(2, 4)
        for x in torch.randn(5, 2, 3):
            h = cell(x, h)
        h.sum().backward()
    assert "was called 5 times, and its weights changed between them: each trace has one timestep" in seen.notes[""]


class Normed(nn.LSTM):
    def forward(self, x, hx=None):
        output, last = super().forward(x, hx)
        return nn.functional.layer_norm(output, output.shape[-1:]), last


class Noisy(nn.GRU):
    def forward(self, x, hx=None):
        return super().forward(nn.functional.dropout(x, 0.5, self.training), hx)


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
                                    for kind in (Normed, Noisy, OtherLast, Adversarial)), patched])  # fmt: skip
def test_a_module_that_does_more_than_torchs_has_a_note_and_no_trace(make, dtype):
    module = make(dtype)
    with watch(module) as seen:
        module(torch.randn(T, B, 3, dtype=dtype))[0].square().sum().backward()
    assert "" not in seen
    assert "gave another result than torch's own class does" in seen.notes[""]


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("every", [1, 2])
def test_what_a_forward_hook_changes_is_outside_of_the_trace(before, every):
    rnn = nn.GRU(3, 4)

    def scale(module, args, result):
        return 3 * result[0], result[1]

    if before:
        rnn.register_forward_hook(scale)
    with watch(rnn, every=every) as seen:
        if not before:
            rnn.register_forward_hook(scale)
        for _ in range(2 * every):
            rnn.zero_grad()
            rnn(torch.randn(T, B, 3))[0].square().sum().backward()
            if seen.step % every == 1 or every == 1:
                assert_own_gradients(seen, rnn)
    assert not seen.notes


def test_a_refused_call_is_known_beside_the_trace_of_another():
    rnn, x = Noisy(3, 4), torch.randn(T, B, 3)
    with watch(rnn) as seen:
        refused = rnn(x)[0].sum()
        rnn.eval()  # without its own dropout it does what torch's class does
        (refused + rnn(x)[0].sum()).backward()
    assert len(seen.calls("")) == 1
    assert "gave another result" in seen.notes[""]


def test_a_pass_that_accumulates_no_weight_has_no_note():
    rnn, x = nn.LSTM(3, 4), torch.randn(T, B, 3, requires_grad=True)
    with watch(rnn) as seen:
        rnn(x)[0].sum().backward()
        torch.autograd.grad(rnn(x)[0].sum(), x)
        assert not seen.notes


def test_a_sum_in_another_order_is_no_other_result():
    class Contiguous(nn.GRU):
        def forward(self, x, hx=None):
            return super().forward(x.contiguous(), hx)

    rnn = Contiguous(3, 65)
    with watch(rnn) as seen:
        rnn(torch.randn(B, T, 3).transpose(0, 1))[0].sum().backward()
    assert "" in seen


def test_bfloat16_at_its_own_precision_is_no_chaos():
    rnn = nn.LSTM(3, 128, num_layers=2, dtype=torch.bfloat16)
    with watch(rnn) as seen:
        rnn(torch.randn(100, 4, 3, dtype=torch.bfloat16))[0].float().sum().backward()
    assert not seen.notes


@pytest.mark.parametrize("make", [parametrizations.spectral_norm, None])
def test_a_weight_that_is_read_twice_in_a_call_is_computed_twice_as_unwatched(make):
    class Dropped(nn.Module):
        def forward(self, weight):
            return nn.functional.dropout(weight, 0.5)

    results = []
    for watched in (False, True):
        torch.manual_seed(3)
        cell = nn.GRUCell(3, 4)
        if make is None:
            parametrize.register_parametrization(cell, "weight_hh", Dropped())
        else:
            make(cell, "weight_hh")
        cell.register_forward_hook(lambda module, args, result: bool(module.weight_hh.norm()) and None)
        with watch(cell) if watched else nullcontext() as seen:
            h = torch.zeros(B, 4)
            for x_t in torch.randn(T, B, 3):
                h = cell(x_t, h)
            h.square().sum().backward()
        results.append((h.detach(), *(p.grad for p in cell.parameters()), *cell.buffers(), torch.rand(2)))
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True)), "the same computation, twice on this machine"
    ours = sum(trace.parameter_grads["bias_hh"] for trace in seen.calls(""))
    assert torch.allclose(ours, cell.bias_hh.grad, rtol=1e-10)


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

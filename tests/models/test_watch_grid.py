"""300 configurations of torch's recurrent modules: what `watch` sees equals explicit loops, and it changes nothing."""

from itertools import product

import pytest
import torch
from explicit_loops import loop
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from models import watch
from models.bptt.scaled import true_value

T, B, INPUT, H = 4, 3, 2, 4
MODULES = {
    "tanh": lambda **options: nn.RNN(INPUT, H, **options),
    "relu": lambda **options: nn.RNN(INPUT, H, nonlinearity="relu", **options),
    "lstm": lambda **options: nn.LSTM(INPUT, H, **options),
    "projected": lambda **options: nn.LSTM(INPUT, H, proj_size=3, **options),
    "gru": lambda **options: nn.GRU(INPUT, H, **options),
}
FORMS = ("time first", "batch first", "packed", "packed unsorted", "unbatched")
TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-4}


def to_form(form, x, lengths):
    if form == "batch first":
        return x.transpose(0, 1)
    if form == "unbatched":
        return x[:, 0]
    if form.startswith("packed"):
        return pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=form == "packed")
    return x


def from_form(form, output, states):
    if form == "batch first":
        output = output.transpose(0, 1)
    if form == "unbatched":
        output, states = output[:, None], tuple(s[:, None] for s in states)
    if form.startswith("packed"):
        output = pad_packed_sequence(output)[0]
    return output, states


def loss_of(reads, output, last):
    weights = torch.linspace(-1, 1, output.numel(), dtype=output.dtype).reshape(output.shape)
    terms = {
        "every output": lambda: (weights * output).sin().sum(),
        "last output": lambda: (output[-1] ** 2).sum() + output[-1].sum(),
        "last states": lambda: sum(((k + 1) * s + s**2).sum() for k, s in enumerate(last)),
    }
    return sum(terms[name]() for name in reads)


READS = (["every output"], ["last output"], ["last states"], ["every output", "last states"])


def run_unchanged(module, form, x, start, lengths, reads, rate):
    """The user's own step: outputs, all gradients and the random state after it."""
    torch.manual_seed(7)
    module.zero_grad()
    x, start = x.clone().requires_grad_(), tuple(s.clone().requires_grad_() for s in start)
    given = tuple(s[:, 0] for s in start) if form == "unbatched" else start
    hx = None if rate is None else given if isinstance(module, nn.LSTM) else given[0]
    output, last = module(to_form(form, x, lengths), hx)
    output, last = from_form(form, output, (last,) if isinstance(last, torch.Tensor) else last)
    loss_of(reads, output, last).backward()
    grads = {name: p.grad.clone() for name, p in module.named_parameters() if p.grad is not None}
    starts = [] if rate is None else [s.grad for s in start]
    return [output.detach(), *(s.detach() for s in last), x.grad, *starts, torch.get_rng_state()], grads


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", MODULES)
def test_watch_equals_explicit_loops_and_changes_no_bit(kind, form, dtype):
    batch = 1 if form == "unbatched" else B
    lengths = {"packed": [4, 3, 1], "packed unsorted": [1, 4, 3]}.get(form, [T] * batch)
    for case, (layers, bidirectional, given) in enumerate(product((1, 2), (False, True), (False, True))):
        turn = case + FORMS.index(form)
        if dtype == torch.float32 and turn % 2:  # 200 in float64 and 100 in float32
            continue
        reads = READS[turn % 4]
        options = {"bias": turn % 3 != 0, "dropout": 0.4 if layers > 1 and case % 2 == bidirectional else 0.0}
        what = (layers, bidirectional, given, options, reads)
        torch.manual_seed(case)
        module = MODULES[kind](
            num_layers=layers, bidirectional=bidirectional, batch_first=form == "batch first", dtype=dtype, **options
        )
        if turn % 5 == 4:
            module.requires_grad_(False)
        x = torch.randn(T, batch, INPUT, dtype=dtype)
        count = layers * (2 if bidirectional else 1)
        sizes = ([3, H] if kind == "projected" else [H, H]) if isinstance(module, nn.LSTM) else [H]
        start = tuple((torch.randn if given else torch.zeros)(count, batch, size, dtype=dtype) for size in sizes)
        arguments = (module, form, x, start, lengths, reads, 1 if given else None)

        unwatched, unwatched_grads = run_unchanged(*arguments)
        with watch(module) as seen:
            watched, watched_grads = run_unchanged(*arguments)
        for a, b in zip(unwatched, watched, strict=True):
            assert torch.equal(a, b), what
        assert unwatched_grads.keys() == watched_grads.keys()
        assert all(torch.equal(grad, watched_grads[name]) for name, grad in unwatched_grads.items()), what

        torch.manual_seed(7)
        module.zero_grad()
        x.requires_grad_()
        starts = tuple(s.requires_grad_() for s in start)
        loops = loop(module, x, starts, lengths, form.startswith("packed"), form == "packed")
        loss_of(reads, loops.output, loops.last).backward()
        compare(seen[""], loops, x, starts, watched_grads, TOLERANCE[dtype], what)


def compare(trace, loops, x, starts, parameter_grads, tolerance, what):
    """The trace against the loop, relative to the largest gradient of each kind."""

    def close(a, b):
        return float((a - b).abs().max()) <= tolerance * max(1.0, float(b.abs().max()))

    for k, layer in enumerate(trace.layers):
        own = {(t, b): state for (of, t, b), state in loops.states.items() if of == k}
        at = tuple(torch.tensor(list(own)).T)
        for which, total in enumerate(layer.total):
            states = [state[which] for state in own.values()]
            grads = torch.cat([torch.zeros_like(s) if s.grad is None else s.grad for s in states])
            assert close(layer.after[which][at], torch.cat(states).detach()), (what, k, which)
            assert close(true_value(total)[at], grads), (what, k, which)
    assert close(trace.grad_inputs, x.grad), what
    for mine, s in zip(trace.grad_initial, starts, strict=True):
        assert close(mine, s.grad), what
    for name, grad in parameter_grads.items():
        assert close(trace.parameter_grads[name], grad), (what, name)

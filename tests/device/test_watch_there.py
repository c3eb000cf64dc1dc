"""`watch` on another device: the traces, notes and reports of the same program on the CPU."""

import json
from collections.abc import Callable, Iterator

import emulated
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_, parametrizations
from torch.nn.utils.rnn import pack_padded_sequence
from typer.testing import CliRunner

from experiments.__main__ import app
from models import clipping_engaged, watch
from models.bptt.scaled import true_value
from models.recording.watch import Watch

T, B = 6, 3
Program = Callable[[nn.Module, Tensor], Iterator[Tensor]]
"""From a module and inputs to losses, each of which is gone back from before the next is asked for."""


def plain(rnn, x):
    yield rnn(x)[0].sin().sum()


def packed(rnn, x):
    output, _ = rnn(pack_padded_sequence(x, [3, 6, 2], enforce_sorted=False))
    yield output.data.sin().sum()


def carried(rnn, x):
    last, total = None, 0
    for part in x.split(2):
        output, last = rnn(part, last)
        total = total + output.sin().sum()
    yield total + (last[0] if isinstance(last, tuple) else last).square().sum()


def given_start(rnn, x):
    start = x.new_ones(1, B, 4).requires_grad_()
    yield rnn(x, (start, 2 * start) if isinstance(rnn, nn.LSTM) else start)[0][-1].sum()


def siamese(rnn, x):
    yield (rnn(x)[0] - rnn(2 * x)[0]).square().sum()


def hooked(rnn, x):
    output, _ = rnn(x)
    output.register_hook(lambda grad: 2 * grad)
    yield output.square().sum()


def accumulated(rnn, x):
    for k in range(3):
        yield (k + 1) * rnn(x + k)[0].square().sum()


def loop(cell, x):
    state, total = None, 0
    for t, x_t in enumerate(x):
        state = cell(x_t, state)
        h, c = state if isinstance(state, tuple) else (state, None)
        total = total + h.sin().sum()
        if c is not None and t == 3:
            total = total + c.square().sum()
    yield total


def detached_in_the_middle(cell, x):
    state, total = None, 0
    for t, x_t in enumerate(x):
        state = cell(x_t, state)
        total = total + state.sin().sum()
        state = state.detach() if t == 2 else state
    yield total


class Same(nn.GRU):
    def forward(self, x, hx=None):
        return super().forward(x, hx)


def with_a_hook_before(rnn, x):
    rnn.register_forward_pre_hook(lambda module, args: None)
    yield rnn(x)[0].sin().sum()


def weight_normed(*sizes):
    return parametrizations.weight_norm(nn.LSTM(*sizes), "weight_hh_l0")


PROGRAMS = [
    *((make, {}, run) for make in (nn.RNN, nn.LSTM, nn.GRU) for run in (plain, packed, carried, given_start)),
    *((make, {"num_layers": 2, "bidirectional": True}, plain) for make in (nn.RNN, nn.LSTM, nn.GRU)),
    *((make, {}, loop) for make in (nn.RNNCell, nn.LSTMCell, nn.GRUCell)),
    *((make, {}, detached_in_the_middle) for make in (nn.RNNCell, nn.GRUCell)),
    *((nn.GRU, {}, run) for run in (siamese, hooked, accumulated)),
    (nn.LSTM, {"proj_size": 3}, plain),
    (Same, {}, plain),
    (nn.LSTM, {}, with_a_hook_before),
    (weight_normed, {}, plain),
    (lambda *sizes: parametrizations.spectral_norm(nn.GRUCell(*sizes), "weight_hh"), {}, loop),
]


def watched(device: str, make: Callable[..., nn.Module], options: dict[str, object], program: Program) -> Watch:
    torch.manual_seed(1)
    module, x = make(2, 4, **options).to(device), torch.randn(T, B, 2).to(device)
    with watch(module) as seen:
        for loss in program(module, x):
            loss.backward()
    return seen


def numbers(seen: Watch) -> list[Tensor]:
    """Everything in the traces."""
    found: list[Tensor] = []
    for trace in seen.calls(""):
        for layer in trace.layers:
            found += [layer.inputs, layer.log_norm, *layer.before, *layer.after, *layer.gates.values()]
            found += [true_value(s) for s in (*layer.total, *layer.direct, *layer.grad_start)]
        found += trace.parameter_grads.values()
    return [tensor.detach().cpu() for tensor in found]


@pytest.mark.parametrize(("make", "options", "program"), PROGRAMS)
def test_a_program_has_the_traces_that_it_has_on_the_cpu(make, options, program):
    here, there = (watched(device, make, options, program) for device in ("cpu", emulated.NAME))
    assert here.notes == there.notes
    assert not here.notes or "its weights changed between them" in here.notes[""]
    assert str(here.report()) == str(there.report())
    ours, theirs = numbers(here), numbers(there)
    assert len(ours) == len(theirs) > 0
    # torch's own weight_norm takes its norms in float32 on a GPU
    rtol, atol = (1e-6, 1e-6) if make is weight_normed else (1e-9, 1e-12)
    for a, b in zip(ours, theirs, strict=True):
        assert torch.allclose(a, b, rtol=rtol, atol=atol, equal_nan=True)


@pytest.mark.parametrize("make", [nn.RNN, nn.LSTM, nn.GRU])
def test_nothing_changes_by_a_bit(make):
    grads = []
    for is_watched in (False, True):
        torch.manual_seed(1)
        rnn, x = make(2, 4, num_layers=2).to(emulated.NAME), torch.randn(T, B, 2).to(emulated.NAME)
        if is_watched:
            watch(rnn)
        rnn(x)[0].sin().sum().backward()
        grads.append([p.grad.cpu() for p in rnn.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*grads, strict=True))


def test_dropout_there_is_a_note():
    seen = watched(emulated.NAME, nn.LSTM, {"num_layers": 2, "dropout": 0.5}, plain)
    assert "draws its dropout on the GPU" in seen.notes[""]


def test_a_run_is_that_of_the_cpu(tmp_path):
    said = []
    for device in ("cpu", emulated.NAME):
        torch.manual_seed(0)
        rnn, x = nn.LSTM(2, 4, num_layers=2).to(device), torch.randn(8, 3, 2).to(device)
        optimiser, alerts = torch.optim.SGD(rnn.parameters(), 0.1), []
        with watch(rnn, every=2, run=tmp_path / device, title="mine", samples=2) as seen:
            seen.alert(clipping_engaged(0.5, steps=2), then=alerts.append)
            for _ in range(5):
                optimiser.zero_grad()
                loss = rnn(x)[0][-1].square().mean()
                loss.backward()
                norm = clip_grad_norm_(rnn.parameters(), 1e-3)
                seen.log(loss=loss, grad_norm=norm, clip=1e-3)
                optimiser.step()
        called = CliRunner().invoke(app, ["probe", device, "--step", "3", "--json", "--runs", str(tmp_path)])
        assert called.exit_code == 0, called.output
        (layer,) = json.loads(called.output)
        assert layer.pop("run") == device
        said.append({**layer, "alerts": len(alerts)})
    numbers = [{name: v for name, v in of.items() if isinstance(v, float)} for of in said]
    assert numbers[0] == pytest.approx(numbers[1], rel=1e-9)
    assert len(numbers[0]) > 3
    assert [of["alerts"] for of in said] == [4, 4]

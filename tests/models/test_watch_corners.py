"""`watch` around programs of rarer kinds: their results stay, and a trace is right or a note says why there is none."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
import torch.nn.utils.prune
from torch import nn
from torch.nn.utils import parametrizations, parametrize
from torch.utils.checkpoint import checkpoint
from watched_networks import assert_own_gradients

from models import watch

ROOT = Path(__file__).resolve().parents[2]
T, B = 6, 3


pytestmark = pytest.mark.usefixtures("float64")


def inputs():
    return torch.randn(T, B, 3)


class Scaled(nn.GRU):
    def forward(self, x, hx=None):
        output, last = super().forward(x, hx)
        return 1.005 * output, last


class Renamed(nn.GRU):
    def __init__(self, *sizes):
        super().__init__(*sizes)
        self.remark = "made in another way, and computed as torch does"


def patched():
    rnn = nn.GRU(3, 4)
    rnn.forward = lambda x, hx=None: nn.GRU.forward(rnn, 2 * x, hx)
    return rnn


def hooked():
    rnn = nn.GRU(3, 4)
    rnn.register_forward_pre_hook(lambda module, args: (2 * args[0],))
    return rnn


@pytest.mark.parametrize("make", [lambda: Scaled(3, 4), patched, hooked])
def test_what_changes_a_module_with_parametrized_weights_cannot_be_checked(make):
    rnn = parametrizations.weight_norm(make(), "weight_hh_l0")
    with watch(rnn) as seen:
        rnn(inputs())[0].square().sum().backward()
    assert not seen.calls("")
    assert "parametrized" in seen.notes[""]


def test_a_subclass_that_computes_as_torch_does_is_watched_with_parametrized_weights_too():
    rnn = parametrizations.weight_norm(Renamed(3, 4), "weight_hh_l0")
    with watch(rnn) as seen:
        rnn(inputs())[0].square().sum().backward()
    assert not seen.notes
    assert torch.allclose(seen[""].parameter_grads["weight_ih_l0"], rnn.weight_ih_l0.grad)


class DropConnect(nn.Module):
    def forward(self, weight):
        return nn.functional.dropout(weight, 0.3)


def test_random_weights_are_drawn_before_the_dropout():
    rnn = nn.LSTM(3, 4, 2, dropout=0.5)
    parametrize.register_parametrization(rnn, "weight_hh_l0", DropConnect())
    with watch(rnn) as seen:
        rnn(inputs())[0].square().sum().backward()
    assert not seen.notes
    assert torch.allclose(seen[""].parameter_grads["weight_ih_l1"], rnn.weight_ih_l1.grad)


def test_a_hook_that_is_put_first_later_is_outside_of_the_trace():
    rnn = nn.GRU(3, 4)
    with watch(rnn) as seen:
        rnn.register_forward_hook(lambda module, args, result: (3 * result[0], result[1]), prepend=True)
        rnn(inputs())[0].square().sum().backward()
    assert not seen.notes
    assert_own_gradients(seen, rnn)


def test_threads_that_share_a_cell_do_not_mix_their_passes():
    cell, errors = nn.GRUCell(3, 4), []

    def work():
        try:
            for _ in range(40):
                h = torch.zeros(B, 4)
                for x_t in torch.randn(T, B, 3):
                    h = cell(x_t, h)
                torch.autograd.grad(h.square().sum(), list(cell.parameters()))
        except RuntimeError as error:
            errors.append(error)

    with watch(cell) as seen:
        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not errors
    assert not seen.notes
    assert {trace.seq_len for trace in seen.calls("")} == {T}


@pytest.mark.parametrize("every", [1, 2])
@pytest.mark.parametrize("make", [lambda: nn.utils.prune.l1_unstructured(nn.GRU(3, 4), "weight_hh_l0", 0.3), hooked,
                                  lambda: Scaled(3, 4)])  # fmt: skip
def test_checkpoints_save_what_they_saved(make, every):
    rnn = make()
    with watch(rnn, every=every):
        outputs = [
            checkpoint(lambda x: rnn(x)[0].sin(), inputs().requires_grad_(), use_reentrant=False) for _ in range(2)
        ]
        for output in outputs:
            output.sum().backward()


def test_a_checkpoint_that_ends_with_the_module_has_a_trace():
    rnn = Renamed(3, 4)
    with watch(rnn) as seen:
        checkpoint(lambda x: rnn(x)[0], inputs().requires_grad_(), use_reentrant=False).sum().backward()
    assert not seen.notes
    assert_own_gradients(seen, rnn)


@pytest.mark.parametrize("frozen", range(4))
def test_steps_are_counted_on_after_a_weight_was_frozen(frozen):
    rnn = nn.LSTM(3, 4)
    with watch(rnn, every=3) as seen:
        for k in range(8):
            if k == 2:
                list(rnn.parameters())[frozen].requires_grad_(False)
            rnn(inputs())[0].sum().backward()
    assert seen.step == 8
    assert not seen.notes


def test_a_module_that_was_replaced_has_a_note():
    network = nn.ModuleDict({"rnn": nn.LSTM(3, 4)})
    with watch(network) as seen:
        network["rnn"](inputs())[0].sum().backward()
        network["rnn"] = nn.LSTM(3, 4)
        network["rnn"](inputs())[0].sum().backward()
    assert seen.notes["rnn"] == "'rnn', an LSTM, is no longer a part of the watched network; watch it anew."


def test_an_export_leaves_the_next_step_whole():
    rnn = nn.LSTM(3, 4)
    with watch(rnn) as seen:
        torch.export.export(rnn, (inputs(),))
        rnn(inputs())[0].sum().backward()
    assert not seen.notes
    assert_own_gradients(seen, rnn)


def test_a_pass_within_a_pass_is_one_of_its_own():
    cell = nn.GRUCell(3, 4)
    x = inputs()
    with watch(cell) as seen:
        other, h = cell(x[0]).sum(), cell(x[1])
        h.register_hook(lambda grad: (torch.autograd.grad(other, [cell.weight_ih]), None)[1])
        h.square().sum().backward()
    assert len(seen.calls("")) == 1
    assert not seen.notes
    assert_own_gradients(seen, cell)


class WithADict(nn.GRUCell):
    def forward(self, x, hx=None):
        h = super().forward(x, hx)
        return h, {"h": h}


class WithAMask(nn.LSTM):
    def forward(self, x, hx=None, mask=None):
        return super().forward(x, hx)


@pytest.mark.parametrize(
    ("make", "call", "words"),
    [
        (lambda: WithADict(3, 4), lambda rnn: rnn(inputs()[0])[0], "its result contains a dict"),
        (lambda: WithAMask(3, 4), lambda rnn: rnn(inputs(), mask=1)[0], "other arguments"),
        (lambda: nn.RNN(3, 4, dtype=torch.complex128), lambda rnn: rnn(inputs() + 0j)[0].abs(), "complex numbers"),
    ],
)
def test_what_cannot_be_recorded_is_said(make, call, words):
    rnn = make()
    with watch(rnn) as seen:
        call(rnn).sum().backward()
    assert not seen.calls("")
    assert words in seen.notes[""]


def test_a_network_with_a_part_that_has_no_size_yet_can_be_watched():
    rnn = nn.LSTM(3, 4).requires_grad_(False)
    network = nn.Sequential(nn.LazyLinear(3), rnn)
    with watch(network) as seen:
        network(torch.randn(T, B, 5))[0].sum().backward()
    assert seen["1"].log_norm.shape == (1, T, B)


COMPILED = """
import torch
from models import watch

class Loop(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = torch.nn.GRUCell(3, 4)

    def forward(self, x):
        h = None
        for x_t in x:
            h = self.cell(x_t, h)
        return h

network = Loop()
with watch(network) as seen:
    torch.compile(network, backend="eager")(torch.randn(6, 3, 3)).sum().backward()
print(seen["cell"].seq_len, seen.notes)
"""


@pytest.mark.processes
def test_compiling_a_watched_network_gives_no_warning():
    ran = subprocess.run([sys.executable, "-c", COMPILED], cwd=ROOT, capture_output=True, text=True)
    assert (ran.stdout, ran.stderr) == ("6 {}\n", "")


@pytest.mark.parametrize("value", [torch.zeros(2), 10**400, torch.tensor(1j), "much"])
def test_what_is_no_number_is_not_logged(value):
    with watch(nn.LSTM(3, 4)) as seen, pytest.raises(ValueError, match=r"^loss was .*; it must be a number\.$"):
        seen.log(loss=value)

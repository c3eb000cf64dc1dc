"""`record` and the analyses on another device: the numbers of the CPU."""

import dataclasses
from collections.abc import Callable, Iterator
from functools import partial

import emulated
import numpy as np
import pytest
import torch
from numpy import ndarray
from torch import Tensor

import analysis
from analysis.crossing import crossing
from analysis.step_clipping import step_clipping
from analysis.theory import measured_mean_field
from models import EncoderDecoder, SequenceModel, direct_gradients, record
from models.cells.registry import CELLS
from models.networks.heads import HEADS

T, B, H = 10, 3, 4


def mean_square(outputs):
    return (outputs**2).mean()


def recorded(device, cell="lstm", *, of_network=None, **options):
    generator = torch.Generator().manual_seed(0)
    model = SequenceModel(cell, 2, H, 1, generator=generator, **(of_network or {})).to(device)
    x = torch.randn(T, B, 2, generator=generator).to(device)
    return record(model, x, mean_square, path="reference", **options)


def encoder_decoder(device, attention):
    generator = torch.Generator().manual_seed(0)
    model = EncoderDecoder("gru", 3, H, 2, attention=attention, generator=generator).to(device)
    x = torch.randn(9, 3, 3, generator=generator).to(device)
    return record(model, x, mean_square, path="reference", source=5)


def numbers(result: object) -> Iterator[ndarray]:
    """Every number in a result; of a complex one the size, since the order of a pair is not fixed."""
    if isinstance(result, Tensor):
        yield result.detach().cpu().numpy()
    elif isinstance(result, ndarray):
        yield np.abs(result) if np.iscomplexobj(result) else result
    elif isinstance(result, int | float):
        yield np.array(float(result))
    elif isinstance(result, dict | list | tuple):
        for part in result.values() if isinstance(result, dict) else result:
            yield from numbers(part)
    elif dataclasses.is_dataclass(result):
        for field in dataclasses.fields(result):
            yield from numbers(getattr(result, field.name))


def assert_same(compute: Callable[[str], object]) -> None:
    ours = list(numbers(compute("cpu")))
    for device in emulated.DEVICES:
        for _ in range(5 if device == "cuda" else 1):  # the fifth pass of one shape is a replay there
            theirs = list(numbers(compute(device)))
            assert len(ours) == len(theirs)
            for a, b in zip(ours, theirs, strict=True):
                np.testing.assert_allclose(b, a, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell(cell):
    assert_same(partial(recorded, cell=cell))


@pytest.mark.parametrize(
    "options",
    [
        {"of_network": {"num_layers": 2, "bidirectional": True}},
        {"of_network": {"start": "learned"}},
        *({"of_network": {"head": head}} for head in HEADS),
        {"truncate": 3},
        {"truncate": 3, "truncate_kind": "window"},
        {"lengths": [10, 4, 7]},
        {"step_threshold": 1e-3},
    ],
    ids=str,
)
def test_every_kind_of_pass(options):
    assert_same(partial(recorded, **options))


@pytest.mark.parametrize("attention", [None, "dot", "bahdanau"])
def test_two_stacks(attention):
    assert_same(partial(encoder_decoder, attention=attention))


def test_given_start_states():
    assert_same(lambda device: recorded(device, "gru", start=(torch.ones(1, B, H, device=device),)))


def credit(device, cell):
    generator = torch.Generator().manual_seed(0)
    model = SequenceModel(cell, 2, H, 1, generator=generator).to(device)
    trace = record(model, torch.randn(T, B, 2, generator=generator).to(device), mean_square, path="reference")
    return analysis.credit(trace.stack.above(0), direct_gradients(model, trace, lambda outputs: (outputs**2).mean(-1)))


OF_A_LAYER = {
    "profile": analysis.profile,
    "jacobians": analysis.step_jacobians,
    "input jacobian": analysis.input_jacobian,
    "product": lambda layer: analysis.product_spectrum(analysis.step_jacobians(layer).matrices[:, 0]),
    "exponents": analysis.lyapunov,
    "exponents without inputs": lambda layer: analysis.lyapunov_autonomous(
        layer.cell, tuple(s[3, 0] for s in layer.after), 50
    ),
    "gates": analysis.gate_statistics,
    "spectra": lambda layer: analysis.block_spectra(layer.cell),
    "penalty": analysis.norm_penalty,
    "fixed points": lambda layer: analysis.fixed_points(layer, count=4),
    "fixed points from": lambda layer: analysis.fixed_points_from(
        layer.cell, torch.cat([s[:, 0] for s in layer.after], dim=-1)
    ),
    "growth": analysis.step_growth,
}


@pytest.mark.parametrize("cell", ["elman", "lstm", "gru", "mut1"])
@pytest.mark.parametrize("name", OF_A_LAYER)
def test_analyses_of_a_layer(name, cell):
    assert_same(lambda device: OF_A_LAYER[name](recorded(device, cell).top))


@pytest.mark.parametrize("cell", ["lstm", "gru", "mingru", "peephole_lstm"])
def test_paths(cell):
    assert_same(lambda device: analysis.paths(recorded(device, cell).top))


@pytest.mark.parametrize("cell", ["elman", "lstm"])
def test_credit(cell):
    assert_same(partial(credit, cell=cell))


def test_analyses_of_one_cell():
    assert_same(lambda device: analysis.cell_state_profile(recorded(device).top))
    assert_same(lambda device: analysis.contributions(recorded(device, "elman").top))
    assert_same(lambda device: measured_mean_field(recorded(device, "elman").top))
    assert_same(lambda device: analysis.gradient_bound(recorded(device, "elman").top, 1.0, 1.0))


@pytest.mark.parametrize("rule", ["norm", "value", "per_parameter", "squared_norm"])
def test_clipping(rule):
    assert_same(lambda device: analysis.clip(recorded(device).parameter_grads, 1e-3, rule))


def test_clipping_inside_the_pass():
    assert_same(lambda device: step_clipping(recorded(device, step_threshold=1e-3).top, 1e-3))


@pytest.mark.parametrize("attention", ["dot", "bahdanau"])
def test_crossing(attention):
    def crossed(device):
        stacks = encoder_decoder(device, attention).stacks
        return crossing(stacks["encoder"], stacks["decoder"])

    assert_same(crossed)

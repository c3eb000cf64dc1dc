"""Gradients of up to ±100,000 nats, with rows of very different sizes in one batch, on the compiled path."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import CONFIGURATIONS, MORE_CONFIGURATIONS, last_step_loss, make_model

from models import SequenceModel, record
from models.bptt.compiled.engine import CompiledEngine
from models.bptt.recursion import ReferenceEngine
from models.bptt.scaled import LN_2, Scaled
from models.bptt.weight_gradient import WeightGradient

FARTHEST = round(1e5 / LN_2)
"""100,000 nats in powers of two."""
T, B, H = 5, 3, 4


def direction(x: Scaled) -> tuple[torch.Tensor, torch.Tensor]:
    """Each row over its largest entry, and the natural log of that entry."""
    (part,) = x.parts
    largest = part.abs().amax(dim=-1, keepdim=True)
    unit = torch.where(largest > 0, largest, torch.ones_like(largest))
    return part / unit, largest.squeeze(-1).log() + x.exponent.double() * LN_2


def assert_close(ours: Scaled, reference: Scaled) -> None:
    (a, size_a), (b, size_b) = direction(ours), direction(reference)
    assert torch.equal(size_a.isneginf(), size_b.isneginf())
    finite = size_b.isfinite()
    assert torch.allclose(size_a[finite], size_b[finite], rtol=1e-13, atol=1e-9)
    assert torch.allclose(a, b, rtol=0, atol=1e-9)


def as_scaled(grad: WeightGradient) -> Scaled:
    """All entries in one row."""
    return Scaled((grad.value.reshape(1, -1),), torch.tensor([grad.exponent]))


exponents = st.one_of(st.integers(-FARTHEST, FARTHEST), st.integers(-200, 200), st.just(0))


@settings(max_examples=40, deadline=None)
@given(
    configuration=st.sampled_from(CONFIGURATIONS + MORE_CONFIGURATIONS),
    powers=st.lists(exponents, min_size=T * B, max_size=T * B),
    silent=st.lists(st.booleans(), min_size=T * B, max_size=T * B),
    scale=st.sampled_from([0.1, 1.0, 30.0]),
    seed=st.integers(0, 99),
)
def test_rows_of_any_sizes_in_one_batch_equal_the_definition(configuration, powers, silent, scale, seed):
    cell = make_model(*configuration, input_size=2, hidden_size=H).recurrent.cell(0)
    cell = cell.with_weights(lambda weight: scale * weight.detach())
    generator = torch.Generator().manual_seed(seed)
    x, grad = (torch.randn(T, B, n, generator=generator, dtype=torch.float64) for n in (2, H))
    grad[torch.tensor(silent).reshape(T, B)] = 0
    direct = Scaled((grad,), torch.tensor(powers).reshape(T, B))
    results = []
    for engine in (CompiledEngine(), ReferenceEngine()):
        states = engine.forward(cell, x, cell.initial_state(B))
        results.append(engine.backward(states, direct, None, True))
    ours, reference = results
    for a, b in zip(ours.record.total, reference.record.total, strict=True):
        assert_close(a, b)
    for a, b in zip(ours.record.grad_start, reference.record.grad_start, strict=True):
        assert_close(a, b)
    assert ours.grad_inputs is not None
    assert reference.grad_inputs is not None
    assert_close(ours.grad_inputs, reference.grad_inputs)
    for name, grad_w in ours.parameter_grads.items():
        if grad_w.value.numel():
            assert_close(as_scaled(grad_w), as_scaled(reference.parameter_grads[name]))


@pytest.mark.parametrize(("units", "gain_of_all", "within", "worst"), [(6, 0.4, 1e-3, 1e-3), (32, 0.25, 1e-4, 4e-4)])
@pytest.mark.parametrize("cell", ["elman", "gru", "lstm", "mut1"])
def test_float32_follows_float64_where_a_gradient_vanishes_by_thousands_of_nats(
    cell, units, gain_of_all, within, worst
):
    """50 random networks of each cell: ln‖dL/dh_t‖ within 1e-4 nats, all the way down, and mostly within 1e-5.

    With 6 units, a product Wᵀδ now and then cancels to a thousandth of its terms, and then float32 has lost three more
    digits: the worst networks come to 5e-4, and which ones do depends on how a processor rounds. With 32 units, one GRU
    of 50 has such timesteps: 6e-5 where a product and a sum are rounded once (FMA), 1.2e-4 where they are twice, 2.7e-4
    where the sums of a product are added in another order. All others stay within 1e-4.
    """
    generator = torch.Generator().manual_seed(0)
    lost: list[float] = []
    errors: list[float] = []
    for k in range(50):
        gain, steps = 10 ** (-3 * torch.rand(1, generator=generator).item()), 40 + 12 * k
        model, twin = (SequenceModel(cell, 2, units, 1, dtype=dtype) for dtype in (torch.float32, torch.float64))
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                parameter.copy_(gain_of_all * torch.randn(parameter.shape, generator=generator))
                if "weight_hh" in name:
                    parameter.mul_(gain)
        twin.load_state_dict(model.state_dict())
        x = torch.randn(steps, 2, 2, generator=generator)
        single, double = (
            record(m, x.to(dtype), last_step_loss, path="fast").log_norm
            for m, dtype in ((model, torch.float32), (twin, torch.float64))
        )
        assert bool(double.isfinite().all())
        errors.append(float((single - double).abs().max()))
        lost.append(float(double.max() - double.min()))
    assert max(errors) < worst
    assert sorted(errors)[-2] < within
    assert sorted(errors)[25] < 1e-5
    assert max(lost) > (1000 if cell == "elman" else 250)  # far below 1e-45, the smallest float32

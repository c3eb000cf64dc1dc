"""Every network's recorded gradients are the slopes that finite differences of the plain loop measure."""

import pytest
import torch

from models import EncoderDecoder, OneToMany, SequenceModel, record

B, H, O, SOURCE, WORDS, I = 3, 4, 2, 4, 3, 12
STEP = 1e-6

NETWORKS = [
    *((SequenceModel, {"head": head}) for head in ("linear", "dense", "attention", "mean")),
    (SequenceModel, {"start": "learned", "num_layers": 2}),
    (SequenceModel, {"bidirectional": True, "num_layers": 2}),
    *((EncoderDecoder, {"attention": attention, "num_layers": 2}) for attention in (None, "dot", "bahdanau")),
    *(
        (OneToMany, {"attention": attention, "features": features})
        for attention in (None, "dot", "bahdanau")
        for features in ("start", "first_input")
    ),
]


def loss_of(outputs):
    weights = torch.arange(1, len(outputs) + 1, dtype=outputs.dtype)
    return (torch.sin(outputs) * weights[:, None, None]).sum() + (outputs[-1] ** 2).sum()


def slope(value, at, direction):
    """The central difference of `value()` as the tensor `at` moves along a direction."""
    sides = []
    with torch.no_grad():
        for sign in (1, -1):
            at.add_(sign * STEP * direction)
            sides.append(value().item())
            at.sub_(sign * STEP * direction)
    return (sides[0] - sides[1]) / (2 * STEP)


@pytest.mark.parametrize("cell", ["gru", "peephole_lstm"])
@pytest.mark.parametrize(
    ("network", "settings"), NETWORKS, ids=[" ".join([n.__name__, *map(str, s.values())]) for n, s in NETWORKS]
)
def test_gradients_are_finite_differences_along_random_directions(network, settings, cell):
    generator = torch.Generator().manual_seed(0)
    model = network(cell, I, H, O, **settings, generator=generator, dtype=torch.float64)
    inputs = torch.rand(SOURCE + WORDS, B, I, generator=generator, dtype=torch.float64)
    source = SOURCE if model.needs_source else None
    trace = record(model, inputs, loss_of, source=source, path="reference")

    def value():
        return loss_of(model(inputs, source))

    for name, parameter in model.named_parameters():
        direction = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        found = (trace.parameter_grads[name] * direction).sum().item()
        assert found == pytest.approx(slope(value, parameter, direction), rel=1e-5, abs=1e-7), name
    read = sum(model.parts(len(inputs), source))  # of a picture the words alone
    words = torch.cat([trace.only(name).grad_inputs[..., :I] for name in trace.stacks])
    direction = torch.randn(words.shape, generator=generator, dtype=torch.float64)
    found = (words * direction).sum().item()
    assert found == pytest.approx(slope(value, inputs[-read:], direction), rel=1e-5, abs=1e-7)

"""Heads: gradients of every state and weight, against the equations written out, one sequence at a time."""

import oracles
import pytest
import torch
from oracles import oracle_step

from models import SequenceModel, direct_gradients, record
from models.bptt.scaled import true_value

T, B, H, I, O = 6, 3, 4, 3, 2
LENGTHS = torch.tensor([6, 2, 4])
HEADS = ("linear", "dense", "attention", "mean")


def make(head, cell="gru", **sizes):
    generator = torch.Generator().manual_seed(0)
    return SequenceModel(cell, I, H, O, head=head, generator=generator, dtype=torch.float64, **sizes)


def inputs():
    return torch.randn(T, B, I, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def answers(head, readout, features):
    """[time, output] and the weights of the reading, of one sequence's [time, feature]."""
    p = dict(readout.named_parameters())
    if head == "linear":
        return features @ p["weight"].T + p["bias"], None
    if head == "dense":
        hidden = torch.relu(features @ p["dense.weight"].T + p["dense.bias"])
        return hidden @ p["output.weight"].T + p["output.bias"], None
    e = torch.zeros(len(features), dtype=torch.float64)
    if head == "attention":
        e = torch.tanh(features @ p["score.weight"][0] + p["score.bias"])
    alpha = torch.exp(e) / torch.exp(e).sum()
    answer = (alpha @ features) @ p["output.weight"].T + p["output.bias"]
    return answer.expand(len(features), O), alpha


def loss_of(outputs, lengths):
    """Of what lies within each sequence, and the last output once more."""
    value = 0
    for b, length in enumerate(lengths.tolist()):
        weights = torch.arange(1, length + 1)[:, None]
        value = value + (weights * torch.sin(outputs[:length, b])).sum() + (outputs[length - 1, b] ** 2).sum()
    return value


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["equal", "unequal"])
@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("path", ["reference", "fast"])
def test_all_gradients_equal_a_loop_with_retain_grad(path, head, lengths):
    model, x = make(head), inputs()
    each = torch.full((B,), T) if lengths is None else lengths
    weights = tuple(model.recurrent.parameters())
    kept, said, read = {}, torch.zeros(T, B, O, dtype=torch.float64), {}
    for b, length in enumerate(each.tolist()):
        state = (torch.zeros(1, H, dtype=torch.float64),)
        for t in range(length):
            state = oracle_step("gru", {}, weights, x[t, b : b + 1], state)
            state[0].retain_grad()
            kept[t, b] = state[0]
        outputs, read[b] = answers(head, model.readout, torch.cat([kept[t, b] for t in range(length)]))
        said = said + torch.zeros_like(said).index_put((torch.arange(length), torch.tensor(b)), outputs)
    loss_of(said, each).backward()

    trace = record(model, x, lambda outputs: loss_of(outputs, each), path=path, lengths=lengths)
    for (t, b), h in kept.items():
        assert torch.allclose(true_value(trace.top.total[0])[t, b], h.grad[0], rtol=1e-10, atol=1e-12), (t, b)
    for name, parameter in model.named_parameters():
        assert oracles.relative_error(trace.parameter_grads[name], parameter.grad) < 1e-10, name
    if head in ("attention", "mean"):
        for b, length in enumerate(each.tolist()):
            assert torch.allclose(trace.attention[0, b, :length], read[b], rtol=0, atol=1e-12)
            assert bool((trace.attention[0, b, length:] == 0).all())
    else:
        assert trace.attention is None


@pytest.mark.parametrize("head", HEADS)
def test_the_plain_loop_and_autograd_agree_in_two_directions_and_two_layers(head):
    model, x = (
        make(head, cell="lstm", num_layers=2, bidirectional=True, dense_size=7 if head == "dense" else None),
        inputs(),
    )
    trace = record(model, x, lambda outputs: torch.sin(outputs).sum(), path="reference")
    outputs = model(x)
    torch.sin(outputs).sum().backward()
    assert torch.allclose(outputs, trace.outputs, rtol=0, atol=1e-12)
    for name, parameter in model.named_parameters():
        assert oracles.relative_error(trace.parameter_grads[name], parameter.grad) < 1e-10, name


@pytest.mark.parametrize("head", ["attention", "mean"])
def test_a_reading_head_gives_one_answer(head):
    model, x = make(head), inputs()
    trace = record(model, x, lambda outputs: outputs[-1].sum(), path="reference")
    assert torch.equal(trace.outputs, trace.outputs[-1:].expand(T, B, O))
    assert bool((trace.direct_log_norm > -20).all())  # every h_t hears the loss by itself
    with pytest.raises(ValueError, match="no timestep has its own loss; use head=linear or dense"):
        direct_gradients(model, trace, lambda outputs: outputs.sum(-1))


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"head": "soft"}, "head was 'soft'"), ({"head": "dense", "dense_size": 0}, "dense_size was 0")],
)
def test_an_unknown_head_is_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        SequenceModel("gru", I, H, O, **settings)


@pytest.mark.parametrize("path", ["reference", "fast"])
def test_a_learned_start_state_gets_its_gradient_from_every_sequence(path):
    model, x = make("linear", cell="lstm", num_layers=2, bidirectional=True, start="learned"), inputs()
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for start in model.start.values():
            start.copy_(torch.randn(start.shape, generator=generator, dtype=torch.float64))
    trace = record(model, x, lambda outputs: torch.sin(outputs).sum(), path=path)
    outputs = model(x)
    torch.sin(outputs).sum().backward()
    assert torch.allclose(outputs, trace.outputs, rtol=0, atol=1e-12)
    assert torch.equal(trace.layers[2].start[1], model.start["cell_state"][2].expand(B, H))
    for name, parameter in model.named_parameters():
        assert oracles.relative_error(trace.parameter_grads[name], parameter.grad) < 1e-10, name
    summed = trace.grad_initial[0].sum(1)
    assert torch.allclose(trace.parameter_grads["start.hidden"], summed, rtol=1e-12, atol=1e-14)


def test_a_learned_start_begins_at_zero():
    learned, zero = make("linear", start="learned"), make("linear")
    assert torch.equal(learned(inputs()), zero(inputs()))
    with pytest.raises(ValueError, match="start was 'given'; it must be one of zero, learned, carried"):
        make("linear", start="given")

"""The two ways from a decoder to its encoder, against autograd with one of them cut."""

import math

import pytest
import torch

from analysis.crossing import WAYS, crossing
from models import EncoderDecoder, record
from models.networks.decoder import Memory

S, T, B, H = 6, 4, 3, 5


def make(cell, attention, layers):
    generator = torch.Generator().manual_seed(0)
    return EncoderDecoder(cell, 3, H, 2, layers, attention=attention, generator=generator, dtype=torch.float64)


def inputs():
    return torch.randn(S + T, B, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def loss(outputs):
    return (torch.sin(outputs) * torch.arange(1, len(outputs) + 1)[:, None, None]).sum()


def by_autograd(model, way):
    """dL/dh_t of every encoder layer where the other way from the decoder is cut by `detach`."""
    kept, features, last = [], inputs()[:S], []
    for cell in model.encoder.cells:
        state, states = cell.initial_state(B), []
        for x in features:
            state, _ = cell.step(x, state)
            states.append(state)
        for s in states:
            s[0].retain_grad()
        kept.append([s[0] for s in states])
        features, last = torch.stack(kept[-1]), [*last, states[-1]]
    if way == "state":
        features = features.detach()
    else:
        last = [tuple(s.detach() for s in state) for state in last]
    memory = Memory(features, last)
    state, outputs = last, []
    for word in inputs()[S:]:
        state, output = model.say(word, state, memory)
        outputs.append(output)
    loss(torch.stack(outputs)).backward()
    return [torch.stack([torch.zeros(B, H) if h.grad is None else h.grad for h in states]) for states in kept]


@pytest.mark.parametrize("attention", [None, "dot", "bahdanau"])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_each_way_equals_autograd_with_the_other_cut_and_both_add_up_to_the_total(cell, attention):
    model = make(cell, attention, layers=2)
    trace = record(model, inputs(), loss, source=S, path="reference")
    for layer in range(2):
        found = crossing(trace.stacks["encoder"], trace.stacks["decoder"], layer)
        recorded = trace.stacks["encoder"].layers[layer]
        total = recorded.total[0].parts[0] * 2.0 ** recorded.total[0].exponent[..., None]
        assert torch.allclose(torch.from_numpy(found.total_log_norm), recorded.log_norm, rtol=0, atol=1e-10)
        both = found.share["state"] + found.share["attention"]
        assert abs(both - 1).max() < 1e-10
        for way in WAYS:
            if attention is None and way == "attention":
                assert (found.log_norm[way] == -math.inf).all()
                continue
            g = by_autograd(model, way)[layer]
            assert torch.allclose(torch.from_numpy(found.log_norm[way]), g.norm(dim=-1).log(), rtol=0, atol=1e-9)
            share = (g * total).sum(-1) / (total * total).sum(-1)
            assert torch.allclose(torch.from_numpy(found.share[way]), share, rtol=0, atol=1e-10)


def test_padding_has_no_share():
    lengths = torch.tensor([[6, 2, 4], [4, 4, 4]])
    trace = record(make("gru", "dot", 1), inputs(), loss, source=S, path="reference", lengths=lengths)
    found = crossing(trace.stacks["encoder"], trace.stacks["decoder"])
    assert math.isnan(found.share["state"][2, 1])
    assert not math.isnan(found.share["state"][1, 1])
    assert math.isnan(found.log_norm["attention"][5, 2])


def test_stacks_of_two_sizes_are_refused():
    trace = record(make("gru", None, 1), inputs(), loss, source=S, path="reference")
    other = record(make("gru", None, 2), inputs(), loss, source=S, path="reference")
    with pytest.raises(ValueError, match="both must be the same"):
        crossing(trace.stacks["encoder"], other.stacks["decoder"])

"""An encoder-decoder's recorded gradients, against an explicit loop with `retain_grad` on every state."""

import math

import oracles
import pytest
import torch
from oracles import oracle_step

from models import EncoderDecoder, record
from models.bptt.scaled import true_value
from models.cells.registry import CELLS

S, T, B, H, I, O = 5, 4, 3, 4, 3, 2
CASES = [("elman", {"nonlinearity": "tanh"}), ("lstm", {}), ("gru", {}), ("mut1", {})]


def make(cell, attention, layers=2, dtype=torch.float64, seed=0, **options):
    generator = torch.Generator().manual_seed(seed)
    return EncoderDecoder(
        cell, I, H, O, layers, attention=attention, generator=generator, dtype=dtype, **options
    )  # fmt: skip


def sequences(steps=S + T, dtype=torch.float64):
    return torch.randn(steps, B, I, generator=torch.Generator().manual_seed(1), dtype=torch.float64).to(dtype)


def some_loss(outputs):
    weights = torch.arange(1, len(outputs) + 1, dtype=outputs.dtype)
    return (torch.sin(outputs) * weights[:, None, None]).sum() + (outputs[-1] ** 2).sum()


def weights_of(recurrent, layer):
    return tuple(getattr(recurrent, f"{name}_l{layer}") for name in recurrent.cell_type.parameter_shapes(1, 1))


def kept(recurrent, layer, x, state):
    state = oracle_step(recurrent.cell_name, recurrent.options, weights_of(recurrent, layer), x, state)
    for s in state:
        s.retain_grad()
    return state


def scores_of(attention, query, states):
    """One sequence and one query at a time, as the equation has it."""
    if not list(attention.parameters()):
        return torch.stack([(query * h).sum() for h in states])
    W, (U, b), v = attention.query.weight, attention.key.parameters(), attention.score.weight[0]
    return torch.stack([v @ torch.tanh(W @ query + U @ h + b) for h in states])


def look(attention, query, states, lengths):
    contexts, looked = [], []
    for b, length in enumerate(lengths):
        alpha = torch.softmax(scores_of(attention, query[b], states[:length, b]), dim=0)
        contexts.append(alpha @ states[:length, b])
        looked.append(torch.nn.functional.pad(alpha, (0, S - length)))
    return torch.stack(contexts), torch.stack(looked)


def by_loop(model, inputs, loss, lengths=None):
    """The states of every layer and timestep, the start states, the looks, and the loss after `backward`."""
    source_lengths = [S] * B if lengths is None else lengths[0].tolist()
    L, n = model.encoder.num_layers, len(model.encoder.cell_type.state_names)
    zero = [tuple(torch.zeros(B, H, dtype=inputs.dtype, requires_grad=True) for _ in range(n)) for _ in range(L)]
    encoded, state = [], list(zero)
    for t in range(S):
        x, now = inputs[t], []
        for l in range(L):
            now.append(kept(model.encoder, l, x, state[l]))
            x = now[l][0]
        encoded.append(now)
        state = now
    top = torch.stack([now[-1][0] for now in encoded])
    ends = [length - 1 for length in source_lengths]
    state = [
        tuple(torch.stack([encoded[end][l][k][b] for b, end in enumerate(ends)]) for k in range(n)) for l in range(L)
    ]
    for s in [part for layer in state for part in layer]:
        s.retain_grad()
    first, decoded, outputs, looks = state, [], [], []
    feeds = model.attention is not None and model.attention.feeds
    for t in range(len(inputs) - S):
        x, now = inputs[S + t], []
        if feeds:
            context, looked = look(model.attention, state[-1][0], top, source_lengths)
            x = torch.cat([x, context], dim=-1)
            looks.append(looked)
        for l in range(L):
            now.append(kept(model.decoder, l, x, state[l]))
            x = now[l][0]
        if model.attention is not None and not feeds:
            context, looked = look(model.attention, x, top, source_lengths)
            x = torch.cat([x, context], dim=-1)
            looks.append(looked)
        outputs.append(model.readout(x))
        decoded.append(now)
        state = now
    outputs = torch.stack(outputs)
    value = loss(outputs)
    model.zero_grad()
    value.backward()
    return encoded, decoded, zero, first, looks, outputs, value


ENGINES = [
    (path, *case)
    for case in CASES
    for path in ("reference", "fast")
    if path == "reference" or CELLS[case[0]].compiled_step
]
LENGTHS = torch.tensor([[5, 2, 3], [1, 4, 3]])


def loss_within(lengths):
    """`some_loss` of what lies within the targets."""
    beyond = torch.zeros(T, B, dtype=torch.bool) if lengths is None else torch.arange(T)[:, None] >= lengths[1]
    return lambda outputs: some_loss(outputs.masked_fill(beyond[..., None], 0))


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["equal", "unequal"])
@pytest.mark.parametrize("attention", [None, "dot", "bahdanau"])
@pytest.mark.parametrize(("path", "cell", "options"), ENGINES, ids=[f"{e[0]}-{e[1]}" for e in ENGINES])
def test_all_gradients_equal_an_explicit_loop(path, cell, options, attention, lengths):
    model, inputs, loss = make(cell, attention, **options), sequences().requires_grad_(), loss_within(lengths)
    encoded, decoded, zero, first, looks, outputs, value = by_loop(model, inputs, loss, lengths)
    trace = record(model, inputs.detach(), loss, source=S, path=path, lengths=lengths)

    each = (
        {"encoder": [S] * B, "decoder": [T] * B}
        if lengths is None
        else dict(zip(("encoder", "decoder"), lengths, strict=True))
    )
    assert torch.allclose(trace.loss, value.detach(), rtol=1e-12)
    for name, states, start in (("encoder", encoded, zero), ("decoder", decoded, first)):
        within = torch.arange(len(states))[:, None] < torch.as_tensor(each[name])
        for l, layer in enumerate(trace.stacks[name].layers):
            for k, total in enumerate(layer.total):
                wanted = torch.stack(
                    [now[l][k].grad if now[l][k].grad is not None else 0 * now[l][k] for now in states]
                )
                assert torch.allclose(true_value(total), wanted, rtol=1e-10, atol=1e-12), (name, l, k)
                at_start = true_value(layer.grad_start[k])
                assert torch.allclose(at_start, start[l][k].grad, rtol=1e-10, atol=1e-12), (name, l, k)
                if k == 0:
                    sizes = wanted.norm(dim=-1).log()
                    assert torch.allclose(layer.log_norm[within], sizes[within], rtol=0, atol=1e-10)
            assert bool(layer.log_norm[~within].isnan().all())
    of_words = true_value(trace.stacks["decoder"].layers[0].grad_inputs)[..., :I]
    of_source = true_value(trace.stacks["encoder"].layers[0].grad_inputs)
    assert torch.allclose(torch.cat([of_source, of_words]), inputs.grad, rtol=1e-10, atol=1e-12)
    for name, parameter in model.named_parameters():
        assert oracles.relative_error(trace.parameter_grads[name], parameter.grad) < 1e-10, name
        assert abs(trace.parameter_log_norm[name] - parameter.grad.norm().log().item()) < 1e-10, name
    said = torch.arange(T)[:, None] < torch.as_tensor(each["decoder"])
    assert torch.allclose(trace.outputs[said], outputs.detach()[said], rtol=0, atol=1e-12)
    if attention is None:
        assert trace.attention is None
    else:
        assert torch.allclose(trace.attention[said], torch.stack(looks).detach()[said], rtol=0, atol=1e-12)


@pytest.mark.parametrize("attention", [None, "dot", "bahdanau"])
def test_the_plain_loop_says_what_was_recorded_and_autograd_agrees(attention):
    model, inputs = make("gru", attention), sequences()
    trace = record(model, inputs, some_loss, source=S, path="reference")
    outputs = model(inputs, source=S)
    some_loss(outputs).backward()
    assert torch.allclose(outputs, trace.outputs, rtol=0, atol=1e-12)
    for name, parameter in model.named_parameters():
        assert oracles.relative_error(trace.parameter_grads[name], parameter.grad) < 1e-10, name


def test_its_own_words_are_what_it_said_before():
    model, inputs = make("lstm", "bahdanau"), sequences()

    def next_word(output):
        return torch.nn.functional.pad(output, (0, I - O))

    said = model.own_words(inputs, S, next_word)
    taught = inputs.clone()
    taught[S + 1 :] = torch.stack([next_word(output) for output in said[:-1]])
    assert torch.allclose(model(taught, source=S), said, rtol=0, atol=1e-12)
    assert not torch.allclose(model(inputs, source=S)[1:], said[1:], atol=1e-3)


@pytest.mark.parametrize("path", ["reference", "fast"])
def test_a_gradient_of_1e_minus_200_crosses_to_the_encoder(path):
    """In float32, where it is far below the smallest number."""
    generator = torch.Generator().manual_seed(0)
    model = EncoderDecoder("elman", I, H, O, generator=generator, nonlinearity="identity")
    with torch.no_grad():
        for recurrent in (model.encoder, model.decoder):
            recurrent.weight_hh_l0.copy_(0.1 * torch.eye(H))
    trace = record(model, sequences(300, torch.float32), lambda o: o[-1].sum(), source=100, path=path)
    log_norm = torch.cat([trace.stacks[name].top.log_norm for name in ("encoder", "decoder")])
    assert log_norm[-1, 0] - log_norm[0, 0] == pytest.approx(299 * math.log(10), rel=1e-6)


@pytest.mark.parametrize("path", ["reference", "fast"])
def test_bahdanaus_query_carries_a_gradient_of_1e_minus_100_in_float32(path):
    """The context is all that the last step sends back: its own state is cut off."""
    generator = torch.Generator().manual_seed(0)
    made = {}
    for dtype in (torch.float64, torch.float32):
        model = EncoderDecoder(
            "elman", I, H, O, attention="bahdanau", generator=generator.manual_seed(0), dtype=dtype, nonlinearity="tanh"
        )
        with torch.no_grad():
            model.decoder.weight_hh_l0.mul_(1e-4)
            model.decoder.weight_ih_l0[:, I:].mul_(1e-2)
        made[dtype] = record(model, sequences(S + 25, dtype), lambda o: o[-1].sum(), source=S, path=path)
    exact, rounded = (made[dtype].stacks["decoder"].top.log_norm for dtype in (torch.float64, torch.float32))
    assert exact[0].max() < -100
    assert torch.allclose(exact, rounded, rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"source": None}, "source was None"),
        ({"source": 9}, "source was 9"),
        ({"source": S, "truncate": 2}, "truncate cuts one sequence"),
        ({"source": S, "lengths": [1, 2, 3]}, "lengths were"),
        ({"source": S, "lengths": [[1, 2, 3], [1, 2, 5]]}, "lengths were"),
    ],
)
def test_what_it_cannot_take_is_refused_in_a_sentence(change, words):
    with pytest.raises(ValueError, match=words):
        record(make("gru", None), sequences(), some_loss, **change)


def test_an_unknown_attention_is_refused():
    with pytest.raises(ValueError, match="attention was 'soft'; it must be one of dot, bahdanau, or None"):
        make("gru", "soft")

"""The recorded gradients of a picture's decoder, against an explicit loop with `retain_grad` on every state."""

import math
from math import ceil, floor

import oracles
import pytest
import torch
from oracles import oracle_step

from models import OneToMany, record
from models.bptt.scaled import scaled_log_norm, true_value
from models.cells.registry import CELLS
from models.networks.picture_reader import PictureReader, reader_size
from models.networks.self_attention import positions

PLACES, PIXELS, T, B, H, O, L = 4, 2, 3, 3, 4, 2, 2
I = 3 * PIXELS * PIXELS
CASES = [("elman", {"nonlinearity": "tanh"}), ("lstm", {}), ("gru", {}), ("mut1", {})]
ENGINES = [
    (path, *case)
    for case in CASES
    for path in ("reference", "fast")
    if path == "reference" or CELLS[case[0]].compiled_step
]
WIRED = [(attention, features) for attention in (None, "dot", "bahdanau") for features in ("start", "first_input")]


def make(cell, attention=None, features="start", layers=L, dtype=torch.float64, seed=0, **options):
    generator = torch.Generator().manual_seed(seed)
    return OneToMany(
        cell, I, H, O, layers, attention=attention, features=features, generator=generator, dtype=dtype, **options
    )


def sequences(words=T, dtype=torch.float64):
    return torch.rand(PLACES + words, B, I, generator=torch.Generator().manual_seed(1), dtype=torch.float64).to(dtype)


def some_loss(outputs):
    weights = torch.arange(1, len(outputs) + 1, dtype=outputs.dtype)
    return (torch.sin(outputs) * weights[:, None, None]).sum() + (outputs[-1] ** 2).sum()


def correlate(image, convolution, step=1):
    """The convolution of one image, one output pixel at a time."""
    weight, (pad, _) = convolution.weight, convolution.padding
    padded = torch.nn.functional.pad(image, (pad,) * 4)
    size = weight.shape[-1]
    side = (padded.shape[-1] - size) // step + 1
    rows = [
        torch.stack([
            (weight * padded[:, r * step : r * step + size, c * step : c * step + size]).sum((1, 2, 3))
            for c in range(side)
        ], dim=-1)
        for r in range(side)
    ]  # fmt: skip
    return torch.stack(rows, dim=-2) + convolution.bias[:, None, None]


def read_one(reader, places):
    """The places' states and the features of one picture, [place, pixel]."""
    n = math.isqrt(len(places))
    image = torch.zeros(3, n * PIXELS, n * PIXELS, dtype=places.dtype)
    for i in range(n):
        for j in range(n):
            tile = places[n * i + j].view(3, PIXELS, PIXELS)
            image[:, i * PIXELS : (i + 1) * PIXELS, j * PIXELS : (j + 1) * PIXELS] = tile
    x = torch.relu(correlate(image, reader.edges))
    x = x.unflatten(-1, (-1, 2)).amax(-1).unflatten(-2, (-1, 2)).amax(-2)
    x = torch.relu(correlate(torch.relu(correlate(x, reader.parts)), reader.things, PIXELS // 2))
    where = positions(len(places), H)
    states = [torch.relu(reader.places(x[:, k // n, k % n] + where[k])) for k in range(len(places))]
    parts = [(floor(k * n / 3), ceil((k + 1) * n / 3)) for k in range(3)]
    means = [
        torch.stack([states[n * i + j] for i in range(*rows) for j in range(*columns)]).mean(0)
        for rows in parts
        for columns in parts
    ]
    return torch.stack(states), reader.whole(torch.stack(means).T.flatten())


def weights_of(recurrent, layer):
    return tuple(getattr(recurrent, f"{name}_l{layer}") for name in recurrent.cell_type.parameter_shapes(1, 1))


def look(attention, query, states):
    """One sequence at a time; `states` are [sequence][place]."""
    contexts, looked = [], []
    for q, h in zip(query, states, strict=True):
        if attention.feeds:
            W, (U, b), v = attention.query.weight, attention.key.parameters(), attention.score.weight[0]
            scores = torch.stack([v @ torch.tanh(W @ q + U @ m + b) for m in h])
        else:
            scores = torch.stack([(q * m).sum() for m in h])
        looked.append(torch.softmax(scores, dim=0))
        contexts.append(looked[-1] @ h)
    return torch.stack(contexts), torch.stack(looked)


def by_loop(model, inputs, loss):
    """The start states, the states of every timestep and layer, where it looked, and the loss after `backward`."""
    read = [read_one(model.reader, inputs[:PLACES, b]) for b in range(B)]
    places, features = [m for m, _ in read], torch.stack([f for _, f in read])
    n = len(model.decoder.cell_type.state_names)
    words = list(inputs[PLACES:])
    if model.starts:
        cut = features.view(B, L, n, H)
        first = [tuple(cut[:, l, k] for k in range(n)) for l in range(L)]
    else:
        first = [tuple(torch.zeros(B, H, dtype=inputs.dtype, requires_grad=True) for _ in range(n)) for _ in range(L)]
        words[0] = words[0] + features
    for s in [s for layer in first for s in layer]:
        s.retain_grad()
    state, decoded, outputs, looks = first, [], [], []
    for x in words:
        now = []
        if model.attention is not None and model.attention.feeds:
            context, looked = look(model.attention, state[-1][0], places)
            x = torch.cat([x, context], dim=-1)
            looks.append(looked)
        for l in range(L):
            now.append(
                oracle_step(model.decoder.cell_name, model.decoder.options, weights_of(model.decoder, l), x, state[l])
            )
            x = now[l][0]
        for s in [s for layer in now for s in layer]:
            s.retain_grad()
        if model.attention is not None and not model.attention.feeds:
            context, looked = look(model.attention, x, places)
            x = torch.cat([x, context], dim=-1)
            looks.append(looked)
        outputs.append(model.readout(x))
        decoded.append(now)
        state = now
    value = loss(torch.stack(outputs))
    model.zero_grad()
    value.backward()
    return first, decoded, looks, torch.stack(outputs), value


@pytest.mark.parametrize(("attention", "features"), WIRED)
@pytest.mark.parametrize(("path", "cell", "options"), ENGINES, ids=[f"{e[0]}-{e[1]}" for e in ENGINES])
def test_all_gradients_equal_an_explicit_loop_down_to_the_first_convolution(path, cell, options, attention, features):
    model, inputs = make(cell, attention, features, **options), sequences().requires_grad_()
    first, decoded, looks, outputs, value = by_loop(model, inputs, some_loss)
    trace = record(model, inputs.detach(), some_loss, source=PLACES, path=path)
    assert torch.allclose(true_value(trace.grad_picture), inputs.grad[:PLACES], rtol=1e-10, atol=1e-12)
    assert torch.allclose(trace.loss, value.detach(), rtol=1e-12)
    assert torch.allclose(trace.outputs, outputs.detach(), rtol=0, atol=1e-12)
    for l, layer in enumerate(trace.layers):
        for k, total in enumerate(layer.total):
            wanted = [now[l][k].grad if now[l][k].grad is not None else 0 * now[l][k] for now in decoded]
            assert torch.allclose(true_value(total), torch.stack(wanted), rtol=1e-10, atol=1e-12), (l, k)
            assert torch.allclose(true_value(layer.grad_start[k]), first[l][k].grad, rtol=1e-10, atol=1e-12), (l, k)
    for name, parameter in model.named_parameters():
        assert oracles.relative_error(trace.parameter_grads[name], parameter.grad) < 1e-10, name
        assert abs(trace.parameter_log_norm[name] - parameter.grad.norm().log().item()) < 1e-10, name
    if attention is None:
        assert trace.attention is None
    else:
        assert torch.allclose(trace.attention, torch.stack(looks).detach(), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("attention", "features"), WIRED)
def test_the_plain_loop_says_what_was_recorded_and_what_is_kept_gives_it_again(attention, features):
    model, inputs = make("lstm", attention, features), sequences()
    trace = record(model, inputs, some_loss, source=PLACES, path="reference")
    outputs = model(inputs, source=PLACES)
    assert torch.allclose(outputs, trace.outputs, rtol=0, atol=1e-12)
    again, looked = model.answer(trace.stacks, inputs)
    assert torch.allclose(again, trace.outputs, rtol=0, atol=1e-12)
    assert attention is None or torch.allclose(looked, trace.attention, rtol=0, atol=1e-12)


@pytest.mark.parametrize("path", ["reference", "fast"])
@pytest.mark.parametrize("features", ["start", "first_input"])
def test_a_gradient_of_1e_minus_200_crosses_to_the_picture_in_float32(path, features):
    model = make("elman", None, features, layers=1, dtype=torch.float32, nonlinearity="identity")
    with torch.no_grad():
        model.decoder.weight_hh_l0.copy_(0.1 * torch.eye(H))
    sizes = {}
    for words in (1, 201):
        trace = record(model, sequences(words, torch.float32), lambda o: o[-1].sum(), source=PLACES, path=path)
        sizes[words] = trace.parameter_log_norm["reader.whole.bias"], scaled_log_norm(trace.grad_picture)[0, 0].item()
    for short, long in zip(sizes[1], sizes[201], strict=True):
        assert short - long == pytest.approx(200 * math.log(10), rel=1e-6)


def test_its_own_words_are_what_it_said_before():
    model, inputs = make("lstm", "dot", "first_input"), sequences()

    def next_word(output):
        return torch.nn.functional.pad(output, (0, I - O))

    said = model.own_words(inputs, PLACES, next_word)
    taught = inputs.clone()
    taught[PLACES + 1 :] = torch.stack([next_word(output) for output in said[:-1]])
    assert torch.allclose(model(taught, source=PLACES), said, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"source": None}, "source was None"),
        ({"source": 3}, "source was 3"),
        ({"truncate": 2}, "truncate would cut the decoder off"),
        ({"start": [torch.zeros(L, B, H, dtype=torch.float64)]}, "start was given"),
    ],
)
def test_what_it_cannot_take_is_refused_in_a_sentence(change, words):
    with pytest.raises(ValueError, match=words):
        record(make("gru"), sequences(), some_loss, **{"source": PLACES, "path": "reference", **change})


@pytest.mark.parametrize("size", [11, 27])
def test_a_place_that_is_no_square_of_even_sides_is_refused(size):
    with pytest.raises(ValueError, match=f"input_size was {size}; it must be 3"):
        PictureReader(size, H, 5, None, None)


def test_features_go_to_the_start_or_to_the_first_input():
    with pytest.raises(ValueError, match="features was 'last'; it must be one of start, first_input"):
        make("gru", features="last")


@pytest.mark.parametrize(("pixels", "size", "features"), [(12, 4, 9), (300, 16, 48)])
def test_the_size_that_limits_memory_is_the_readers(pixels, size, features):
    reader = PictureReader(pixels, size, features, None, None)
    assert reader_size(pixels, size, features) == sum(p.numel() for p in reader.parameters())

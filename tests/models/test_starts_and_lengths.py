"""Start states, a loss on the last cell state, unequal lengths: against a loop over each sequence."""

from dataclasses import replace

import oracles
import pytest
import torch
from oracles import CONFIGURATIONS, MORE_CONFIGURATIONS, make_model, named, oracle_step
from torch import Tensor

from analysis.profile import profile
from models import SequenceModel, record
from models.bptt.scaled import Scaled, true_value
from models.bptt.stack_pass import backward_stack, forward_stack
from models.cells.registry import CELLS
from models.recording.record import make_engine
from models.recording.trace import Stack

T, B, H = 7, 4, 5
LENGTHS = torch.tensor([7, 3, 1, 5])


def loss_of(top: Tensor, last: list[tuple[Tensor, ...]]) -> Tensor:
    """Of one sequence's top hidden states [time, feature] and every layer's last state [unit]."""
    weights = torch.arange(1, len(top) + 1, dtype=top.dtype)
    value = (weights[:, None] * torch.sin(top)).sum()
    for k, state in enumerate(last):
        value = value + (k + 1) * sum((s**2).sum() + s.sum() for s in state)
    return value


def by_loops(model, inputs, start, lengths):
    """Each sequence on its own, step by step, with retain_grad on every state."""
    r = model.recurrent
    D = r.num_directions
    states = {}
    loss = 0
    for b, length in enumerate(lengths.tolist()):
        features = [inputs[t, b : b + 1] for t in range(length)]
        last = []
        for l in range(r.num_layers):
            outs = []
            for d in range(D):
                weights = tuple(getattr(r, name + r.suffix(l, d)) for name in r.cell_type.parameter_shapes(1, 1))
                state = tuple(s[l * D + d, b : b + 1] for s in start)
                for t in reversed(range(length)) if d else range(length):
                    state = oracle_step(r.cell_name, r.options, weights, features[t], state)
                    for s in state:
                        s.retain_grad()
                    states[l * D + d, t, b] = state
                last.append(tuple(s[0] for s in state))
                outs.append([states[l * D + d, t, b][0] for t in range(length)])
            features = [torch.cat([o[t] for o in outs], dim=-1) for t in range(length)]
        loss = loss + loss_of(torch.cat(features), last)
    loss.backward()
    return states


def by_engine(path, model, inputs, start, lengths) -> tuple[Stack, dict[str, Tensor]]:
    """The same through the two passes over the stack, with the direct gradients taken by autograd."""
    r = model.recurrent
    D, count = r.num_directions, r.num_layers * r.num_directions
    engine = make_engine(path, inputs)
    cells = [r.cell(l, d) for l in range(r.num_layers) for d in range(D)]
    layers = forward_stack(engine, cells, D, inputs, [tuple(s[k] for s in start) for k in range(count)], lengths)
    states = [tuple(s.detach().clone().requires_grad_() for s in layer.after) for layer in layers]
    loss = 0
    for b, length in enumerate(lengths.tolist()):
        top = torch.cat([states[count - D + d][0][:length, b] for d in range(D)], dim=-1)
        last = [tuple(s[0 if k % D else length - 1, b] for s in states[k]) for k in range(count)]
        loss = loss + loss_of(top, last)
    loss.backward()
    direct = [Scaled.of(*(s.grad for s in state)) for state in states]
    result = backward_stack(engine, layers, D, direct)
    grads = {
        name + r.suffix(k // D, k % D): grad
        for k, of_cell in enumerate(result.parameter_grads)
        for name, (grad, _) in of_cell.items()
    }
    return result.stack, grads


EVERY = CONFIGURATIONS + MORE_CONFIGURATIONS
ENGINES = [
    (path, *c) for c in EVERY for path in ("reference", "fast") if path == "reference" or CELLS[c[0]].compiled_step
]


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("lengths", [LENGTHS, None], ids=["unequal", "equal"])
@pytest.mark.parametrize(("path", "cell", "options"), ENGINES, ids=[f"{e[0]}-{named([e[1:]])[0]}" for e in ENGINES])
def test_all_gradients_equal_a_loop_over_each_sequence(cell, options, lengths, bidirectional, path):
    generator = torch.Generator().manual_seed(1)
    model = make_model(cell, options, num_layers=2, bidirectional=bidirectional, hidden_size=H)
    count = 4 if bidirectional else 2
    inputs = torch.randn(T, B, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    start = [
        torch.randn(count, B, H, generator=generator, dtype=torch.float64, requires_grad=True)
        for _ in CELLS[cell].state_names
    ]
    each = torch.full((B,), T) if lengths is None else lengths
    loops = by_loops(model, inputs, start, each)
    with torch.no_grad():
        padded = inputs.masked_fill(torch.arange(T)[:, None, None] >= each[:, None], torch.nan)
    with torch.enable_grad():
        stack, grads = by_engine(path, model, padded, [s.detach() for s in start], each)

    for (k, t, b), state in loops.items():
        layer = stack.layers[k]
        for which, s in enumerate(state):
            total = true_value(layer.total[which])[t, b]
            assert torch.allclose(total, s.grad[0], rtol=1e-10, atol=1e-12), (k, t, b, which)
        size = state[0].grad.norm().log()
        assert torch.allclose(layer.log_norm[t, b], size, rtol=0, atol=1e-10), (k, t, b)
    beyond = torch.arange(T)[:, None] >= each
    for k, layer in enumerate(stack.layers):
        assert bool(layer.log_norm[beyond].isnan().all())
        assert all(
            bool((part[beyond] == 0).all())
            for part in (*layer.after, *(x.parts[0] for x in layer.total), *layer.gates.values())
        )
        for which, s in enumerate(start):
            initial = true_value(layer.grad_start[which])
            assert torch.allclose(initial, s.grad[k], rtol=1e-10, atol=1e-12), (k, which)
            assert torch.equal(layer.start[which], s[k])
    grad_inputs = sum(true_value(layer.grad_inputs) for layer in stack.layers[: model.recurrent.num_directions])
    assert torch.allclose(grad_inputs, inputs.grad, rtol=1e-10, atol=1e-12)
    for name, grad in grads.items():
        if grad.numel():  # the minGRU's recurrent matrix has no rows
            assert oracles.relative_error(grad, model.recurrent.get_parameter(name).grad) < 1e-10, name


@pytest.mark.parametrize("path", ["reference", "fast"])
@pytest.mark.parametrize("cell", ["elman", "lstm", "gru"])
def test_record_takes_a_start_and_lengths_as_torch_does(cell, path):
    model = make_model(cell, {"nonlinearity": "tanh"} if cell == "elman" else {}, num_layers=2, bidirectional=True)
    twin = oracles.torch_twin(model)
    generator = torch.Generator().manual_seed(3)
    inputs = torch.randn(T, B, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    start = tuple(
        torch.randn(4, B, H, generator=generator, dtype=torch.float64, requires_grad=True)
        for _ in range(2 if cell == "lstm" else 1)
    )
    packed = torch.nn.utils.rnn.pack_padded_sequence(inputs, LENGTHS, enforce_sorted=False)
    out, _ = twin(packed, start if cell == "lstm" else start[0])
    outputs = model.readout(torch.nn.utils.rnn.pad_packed_sequence(out)[0])
    (outputs**2).sum().backward()

    trace = record(
        model, inputs.detach(), lambda o: (o**2).sum(), path=path, start=[s.detach() for s in start], lengths=LENGTHS
    )
    assert torch.allclose(trace.outputs, outputs.detach(), rtol=0, atol=1e-12)
    for mine, theirs in zip(trace.grad_initial, start, strict=True):
        assert torch.allclose(mine, theirs.grad, rtol=1e-10, atol=1e-12)
    within = torch.arange(T)[:, None] < LENGTHS
    assert torch.allclose(trace.input_log_norm[within], inputs.grad.norm(dim=-1).log()[within], rtol=0, atol=1e-9)
    assert bool(trace.input_log_norm[~within].isnan().all())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"start": [torch.zeros(1, 2, 5)]}, "start has the shapes"),
        ({"lengths": [3, 9]}, "lengths were"),
        ({"lengths": [3]}, "lengths were"),
        ({"lengths": [0, 3]}, "lengths were"),
    ],
)
def test_a_start_or_lengths_that_do_not_fit_are_refused_in_a_sentence(change, words):
    model = make_model("lstm", {})
    with pytest.raises(ValueError, match=words):
        record(model, torch.zeros(4, 2, 3, dtype=torch.float64), lambda o: o.sum(), **change)


def test_a_trace_of_several_stacks_asks_which_one():
    model = make_model("gru", {})
    trace = record(model, torch.zeros(4, 2, 3, dtype=torch.float64), lambda o: o.sum())
    both = replace(trace, stacks={"encoder": trace.stack, "decoder": trace.stack})
    with pytest.raises(ValueError, match="encoder, decoder"):
        _ = both.hidden


@pytest.mark.parametrize("lengths", [[9, 4], [9, 9]])
def test_timesteps_that_are_padding_in_all_sequences_are_not_kept(lengths):
    model = SequenceModel("lstm", 2, 4, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    inputs = torch.randn(20, 2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    long = record(model, inputs, lambda outputs: outputs[3].sum(), lengths=lengths)
    cut = record(model, inputs[:9], lambda outputs: outputs[3].sum(), lengths=lengths)
    assert len(long.outputs) == 20
    # Products over 20 and over 9 timesteps may round otherwise.
    torch.testing.assert_close(long.hidden, cut.hidden, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(long.log_norm, cut.log_norm, rtol=1e-10, atol=1e-10, equal_nan=True)
    assert profile(long.top).course.kind == profile(cut.top).course.kind == "arrives"


@pytest.mark.unchecked
def test_what_is_no_network_of_the_lab_or_no_tensor_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match=r"^model was LSTM; record takes a network of models.*models.watch takes any"):
        record(torch.nn.LSTM(2, 4), torch.zeros(3, 1, 2), lambda outputs: outputs.sum())
    model = SequenceModel("lstm", 2, 4, 1)
    with pytest.raises(ValueError, match=r"^inputs were of the type ndarray; they must be a torch tensor\.$"):
        record(model, torch.zeros(3, 1, 2).numpy(), lambda outputs: outputs.sum())
    trace = record(model, torch.zeros(3, 1, 2), lambda outputs: outputs.sum())
    with pytest.raises(AttributeError, match=r"a Trace has no ended_together; a layer of it has one: take trace\.top"):
        profile(trace)

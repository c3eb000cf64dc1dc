"""The GPU's engine with a stand-in for its graphs: the same memory at each call, filled anew, and no second look."""

from dataclasses import dataclass

import pytest
import torch

from models.bptt.graphs.engine import GraphEngine
from models.bptt.graphs.replays import Replays
from models.bptt.recursion import ReferenceEngine
from models.bptt.scaled import Scaled
from models.bptt.stack_pass import backward_stack, forward_stack
from models.cells.elman.step import ElmanCell
from models.cells.registry import CELLS
from models.networks.recurrent import Recurrent

T, B, H = 6, 3, 4


def held_memory(function, tensors):
    """As a graph does: it reads and writes the tensors of its first call."""
    held = [x.clone() for x in tensors]
    made = [x.clone() for x in function(held)]

    def replay(given):
        held_memory.calls += 1
        for memory, x in zip(held, given, strict=True):
            memory.copy_(x)
        for memory, x in zip(made, function(held), strict=True):
            memory.copy_(x)
        return [x.clone() for x in made]

    return replay


@pytest.fixture(autouse=True)
def _count():
    held_memory.calls = 0


def replays(capture, **options):
    return Replays(capture, **{"after": 1, "largest": lambda device: 2**30, **options})


def numbers(engine, cell="lstm", seed=0, gain=1.0, seq_len=T, *, truncate=None, lengths=None, directions=1):
    """All gradients of one pass, as one list of tensors."""
    generator = torch.Generator().manual_seed(seed)
    stack = Recurrent(cell, 2, H, 2, directions == 2, generator=generator)
    inputs = torch.randn(seq_len, B, 2, generator=generator)
    cells = [stack.cell(l, d).with_weights(lambda w: w.detach() * gain) for l in range(2) for d in range(directions)]
    lengths = None if lengths is None else torch.tensor(lengths)
    with torch.no_grad():
        layers = forward_stack(engine, cells, directions, inputs, lengths=lengths)
        direct = [None] * directions + [Scaled.of(layer.hidden) for layer in layers[directions:]]
        result = backward_stack(engine, layers, directions, direct, truncate)
    records = result.stack.layers
    return [
        x
        for record in records
        for x in (
            *record.after,
            *record.gates.values(),
            record.log_norm,
            *(part for of in (*record.total, *record.grad_start) for part in (*of.parts, of.exponent)),
        )
    ] + [grad for of in result.parameter_grads for grad, _ in of.values()]


def same(one, other):
    return all(torch.equal(a.nan_to_num(nan=7), b.nan_to_num(nan=7)) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(
    "options",
    [{}, {"truncate": 4}, {"lengths": [6, 3, 5]}, {"directions": 2}, {"directions": 2, "lengths": [6, 3, 5]}],
    ids=str,
)
def test_replays_give_the_definitions_numbers(cell, options):
    engine = GraphEngine(replays(held_memory, most=16))
    for seed in range(4):
        assert same(numbers(engine, cell, seed, **options), numbers(ReferenceEngine(), cell, seed, **options))
    passes = 2 * 2 * options.get("directions", 1)
    assert held_memory.calls >= 3 * passes  # one to compare, and both of the third and fourth pass


def test_a_replay_is_made_once_it_pays():
    engine = GraphEngine(Replays(held_memory, largest=lambda device: 2**30))
    for _ in range(3):
        numbers(engine)
        assert held_memory.calls == 0
    numbers(engine)
    assert held_memory.calls > 0


def test_what_is_not_finite_is_left_to_the_definition():
    engine = GraphEngine(replays(held_memory))
    options = {"cell": "elman", "seed": 3}
    for gain in (1.0, 1.0, 1.0, 1e38, torch.nan, 1.0):
        assert same(numbers(engine, gain=gain, **options), numbers(ReferenceEngine(), gain=gain, **options))
    assert held_memory.calls > 0


def test_a_replay_with_other_numbers_is_not_used():
    def wrong(function, tensors):
        return lambda given: [x + 1 for x in function(given)]

    made = replays(wrong)
    for _ in range(4):
        assert same(numbers(GraphEngine(made)), numbers(ReferenceEngine()))
    assert not made.kept
    assert made.refused


def test_a_function_that_cannot_be_recorded_is_computed():
    def refuse(function, tensors):
        raise RuntimeError("operation not permitted when stream is capturing")

    made = replays(refuse)
    for _ in range(4):
        assert same(numbers(GraphEngine(made)), numbers(ReferenceEngine()))
    assert not made.kept


def test_few_replays_are_kept_and_none_of_large_or_long_passes(monkeypatch):
    few = replays(held_memory, most=3)
    for seq_len in (5, 5, 6, 6, 7, 7):
        numbers(GraphEngine(few), seq_len=seq_len)
    assert len(few.kept) == 3
    small = replays(held_memory, largest=lambda device: 800)
    monkeypatch.setattr("models.bptt.graphs.engine.LONGEST", 5)
    long = replays(held_memory)
    for _ in range(3):
        assert same(numbers(GraphEngine(small), seq_len=6), numbers(ReferenceEngine(), seq_len=6))
        assert same(numbers(GraphEngine(long)), numbers(ReferenceEngine()))
    assert not small.kept
    assert not long.kept


def test_a_replay_that_is_in_use_is_not_thrown_away_for_another():
    """Ten forms in turn have eight replays, and two are computed: making one anew at each call would cost more."""
    many, captured, definition = replays(held_memory, after=3), [], ReferenceEngine()
    expected = {seq_len: numbers(definition, "elman", seq_len=seq_len) for seq_len in range(1, 6)}
    many.capture = lambda *given: captured.append(1) or held_memory(*given)
    for _ in range(8):
        for seq_len, alone in expected.items():  # two forms each, forwards and backwards, in each of two layers
            assert same(numbers(GraphEngine(many), "elman", seq_len=seq_len), alone)
    assert len(captured) == len(many.kept) == 8
    for _ in range(60):
        numbers(GraphEngine(many), "elman", seq_len=6)
    assert len(captured) > 8, "in the end the old ones make room"


@dataclass(frozen=True, eq=False)
class Listed(ElmanCell):
    rates: list[float] | None = None


def test_a_cell_whose_options_are_no_words_and_numbers_has_no_replay():
    made, cell = replays(held_memory), Recurrent("elman", 2, H).cell(0, 0)
    inputs = torch.randn(T, B, 2)
    with torch.no_grad():
        for options in ({"rates": [1.0]}, {"rates": None, "pass_on": lambda a: a}):
            own = Listed(**cell.weights, nonlinearity="tanh", **options)
            for _ in range(4):
                ours = forward_stack(GraphEngine(made), [own], 1, inputs)[0].hidden
            assert torch.equal(ours, forward_stack(ReferenceEngine(), [own], 1, inputs)[0].hidden)
    assert not made.kept
    assert not made.seen


def test_a_thread_that_finds_the_replays_in_use_computes_by_itself():
    made = replays(held_memory)
    for _ in range(3):
        numbers(GraphEngine(made))
    calls = held_memory.calls
    with made.lock:
        assert same(numbers(GraphEngine(made)), numbers(ReferenceEngine()))
    assert held_memory.calls == calls


def test_cells_that_differ_in_an_option_alone_have_replays_of_their_own():
    engine = GraphEngine(replays(held_memory, most=16))
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(T, B, 2, generator=generator)
    cells = [Recurrent("elman", 2, H, nonlinearity=kind, generator=generator).cell(0, 0) for kind in ("tanh", "relu")]
    for _ in range(3):
        for cell in cells:
            with torch.no_grad():
                ours, theirs = (forward_stack(e, [cell], 1, inputs)[0].hidden for e in (engine, ReferenceEngine()))
            assert torch.equal(ours, theirs)

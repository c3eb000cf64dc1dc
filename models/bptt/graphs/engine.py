"""The definition on a GPU: the same numbers, by replaying each loop over time once several passes had one shape.

Most of the definition's time on a GPU is the launching of some hundred small kernels for each step.
"""

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any

from torch import Tensor

from models.bptt.graphs.replays import Replays, cuda_graph
from models.bptt.recursion import LIFT, ReferenceEngine, WayBack, step_vjp
from models.bptt.scaled import Scaled
from models.bptt.truncation import Blocks
from models.cells.cell import Cell, Gates, State, unchanged
from models.recording.layer_record import LayerStates

LONGEST = 1000
"""Timesteps up to which a loop is replayed: a replay holds every kernel of every step."""

REPLAYS = Replays(cuda_graph)


class GraphEngine(ReferenceEngine):
    """The reference with its loops replayed; without a limit of the steps' gradients."""

    def __init__(self, replays: Replays = REPLAYS) -> None:
        super().__init__()
        self.replays = replays

    def walk(
        self, cell: Cell, inputs: Tensor, start: State, reverse: bool, lengths: Tensor | None
    ) -> tuple[State, State, Gates]:
        """See `ReferenceEngine.walk`."""
        usual, n, own = super().walk, len(start), form(cell)
        if len(inputs) > LONGEST or own is None:
            return usual(cell, inputs, start, reverse, lengths)

        def function(tensors: Sequence[Tensor]) -> Sequence[Tensor]:
            take = taker(tensors)
            (x,), s_0, weights = take(1), take(n), take(len(cell.weights))
            before, after, gates = usual(with_weights(cell, weights), x, s_0, reverse, next(iter(take(None)), None))
            return *before, *after, *gates.values()

        given = (inputs, *start, *cell.weights.values(), *([] if lengths is None else [lengths]))
        take = taker(self.replays.results(("forward", own, reverse), given, function))
        return take(n), take(n), dict(zip(cell.gate_names, take(None), strict=True))

    def walk_back(self, run: LayerStates, sent: Scaled, blocks: Blocks | None) -> WayBack:
        """See `ReferenceEngine.walk_back`."""
        n, cell, own = len(run.before), run.cell, form(run.cell)

        def by(engine: ReferenceEngine) -> Callable[[Sequence[Tensor]], Sequence[Tensor]]:
            def function(tensors: Sequence[Tensor]) -> Sequence[Tensor]:
                take = taker(tensors)
                (x,), before, parts, (exponent,) = take(1), take(n), take(n), take(1)
                states = LayerStates(
                    cell=with_weights(cell, take(len(cell.weights))),
                    inputs=x,
                    before=before,
                    after=before,  # of their sizes; no number of theirs is read
                    gates={},
                    reverse=run.reverse,
                    lengths=next(iter(take(None)), None),
                )
                back = engine.walk_back(states, Scaled(parts, exponent), blocks)
                return [x for of in (back.adjoint, back.total, back.start) for x in (*of.parts, of.exponent)]

            return function

        given = (run.inputs, *run.before, *sent.parts, sent.exponent, *cell.weights.values())
        given += () if run.lengths is None else (run.lengths,)
        if run.seq_len > LONGEST or own is None:
            made = by(ReferenceEngine())(given)
        else:
            key = ("backward", own, run.reverse, blocks)
            made = self.replays.results(key, given, by(ReferenceEngine()), by(_WithoutWaiting()))
        take = taker(made)
        return WayBack(*(Scaled(take(n), *take(1)) for _ in range(3)))


class _WithoutWaiting(ReferenceEngine):
    """The recursion with the usual lift throughout: the device is never asked whether a number is finite."""

    def step_back(self, run: LayerStates, t: int, adjoint: Scaled) -> tuple[Scaled, Scaled]:
        return step_vjp(run, t, adjoint, None, lifts=(LIFT,))


def form(cell: Cell) -> tuple[object, ...] | None:
    """All of a cell but its weights; None where an option is more than a word or a number."""
    options = {f.name: getattr(cell, f.name) for f in fields(cell) if f.name not in cell.weights}
    if options.pop("pass_on") is not unchanged or not all(
        value is None or isinstance(value, str | int | float) for value in options.values()
    ):
        return None
    return type(cell), *options.items()


def with_weights(cell: Cell, weights: Sequence[Tensor]) -> Cell:
    """The cell with these weights, in the order of its own."""
    named: dict[str, Any] = dict(zip(cell.weights, weights, strict=True))
    return replace(cell, **named)


def taker(tensors: Sequence[Tensor]) -> Callable[[int | None], tuple[Tensor, ...]]:
    """A function that gives the next so many of the tensors at each call; None: all that are left."""
    left = list(tensors)

    def take(count: int | None) -> tuple[Tensor, ...]:
        taken = tuple(left[:count])
        del left[:count]
        return taken

    return take

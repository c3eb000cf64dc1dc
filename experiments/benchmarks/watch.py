"""The cost of `watch` beside the same torch.nn module unwatched; steps of both are timed in turn, in one run.

python -m experiments benchmark watch
"""

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass

import torch
from rich.table import Table

from experiments.benchmarks.memory import peak_memory
from experiments.benchmarks.steps import CELLS, INPUTS, SIZES, explicit_loop, loss, timed, twin_of
from experiments.commands.terminal import output
from models import SequenceModel, watch
from models.bptt.threads import use_one_thread

EVERY = 50
ROUNDS = 9
"""Recorded steps per cell and size, each beside an unwatched one."""
MOST_RECORDED, MOST_EVERY, MOST_BETWEEN, MOST_MEMORY = 2.0, 0.03, 0.005, 2.0
"""Largest allowed values: of the geometric means, and of each memory ratio."""


@dataclass(frozen=True)
class WatchCost:
    """One cell at one size. Ratios to the unwatched step are medians over neighbours in time."""

    cell: str
    size: tuple[int, int, int]
    milliseconds: float
    """Milliseconds of an unwatched step, forward and backward."""
    recorded: float
    every: float
    """The ratio with one recorded step in 50."""
    between: float
    """The ratio of a step that is not recorded, with watch attached."""
    loop: float
    """The ratio of the loop over torch's cells with `retain_grad`, unwatched."""
    memory: float
    """Peak of a recorded step ÷ peak of an unwatched one."""


def step_of_twin(cell: str, size: tuple[int, int, int], every: int | None) -> Callable[[], object]:
    """A training step's forward and backward pass, watched or not."""
    T, B, H = size
    generator = torch.Generator().manual_seed(0)
    model = SequenceModel(cell, INPUTS, H, 1, generator=generator)
    inputs = torch.randn(T, B, INPUTS, generator=generator)
    twin = twin_of(model)
    parameters = [*twin.parameters(), *model.readout.parameters()]
    if every is not None:
        watch(twin, every=every)

    def step() -> None:
        for parameter in parameters:
            parameter.grad = None
        loss(model.readout(twin(inputs)[0])).backward()

    return step


def cost(cell: str, size: tuple[int, int, int], rounds: int) -> WatchCost:
    """Measure one cell at one size."""
    plain, each, some = (step_of_twin(cell, size, every) for every in (None, 1, EVERY))
    model = SequenceModel(cell, INPUTS, size[2], 1)
    inputs = torch.randn(size[0], size[1], INPUTS)
    for step in (plain, each):
        step()
    unwatched: list[float] = []
    recorded: list[float] = []
    loops: list[float] = []
    for _ in range(rounds):
        seconds = timed(plain)
        unwatched.append(seconds)
        recorded.append(timed(each) / seconds)
        loops.append(timed(lambda: explicit_loop(model, inputs)) / seconds)
    pairs = [(timed(plain), timed(some)) for _ in range(EVERY)]  # the first of `some` is the recorded one
    between = statistics.median(b / a for a, b in pairs[1:]) - 1
    return WatchCost(
        cell,
        size,
        1e3 * statistics.median(unwatched),
        recorded=statistics.median(recorded),
        every=(statistics.median(recorded) - 1 + (EVERY - 1) * between) / EVERY,
        between=between,
        loop=statistics.median(loops),
        memory=peak_memory(cell, size, "watched") / peak_memory(cell, size, "torch.nn"),
    )


def main(quick: bool = False) -> None:
    """Measure each cell and size, and print a table. `quick` takes the two smaller sizes and fewer rounds."""
    use_one_thread()
    costs = [cost(cell, size, 5 if quick else ROUNDS) for size in (SIZES[:2] if quick else SIZES) for cell in CELLS]
    output().print(cost_table(costs))
    for line in averages(costs):
        output().print(line)


def cost_table(costs: list[WatchCost]) -> Table:
    """One row per cell and size."""
    table = Table(title="A watched torch.nn module ÷ an unwatched one, forward and backward, one thread")
    for name in ("cell", "T/B/H", "ms", "recorded", f"1 in {EVERY}", "between", "loop", "memory"):
        table.add_column(name, justify="left" if name in ("cell", "T/B/H") else "right", no_wrap=True)
    for c in costs:
        size = "/".join(str(n) for n in c.size)
        ratios = (f"{c.recorded:.2f}", f"{c.every:+.1%}", f"{c.between:+.1%}", f"{c.loop:.2f}", f"{c.memory:.2f}")
        table.add_row(c.cell, size, f"{c.milliseconds:.1f}", *ratios)
    return table


def averages(costs: list[WatchCost]) -> list[str]:
    """The figures beside their largest allowed values."""
    recorded = math.exp(statistics.fmean(math.log(c.recorded) for c in costs))
    every, between = (statistics.fmean(values) for values in ([c.every for c in costs], [c.between for c in costs]))
    return [
        f"A recorded step: {recorded:.2f} × (geometric mean; at most {MOST_RECORDED:g}).",
        f"One recorded step in {EVERY}: {every:+.1%} (at most {MOST_EVERY:.0%}).",
        f"Attached between recorded steps: {between:+.2%} (at most {MOST_BETWEEN:.1%}).",
        f"Memory of a recorded step: {max(c.memory for c in costs):.2f} × (the largest; at most {MOST_MEMORY:g}).",
    ]

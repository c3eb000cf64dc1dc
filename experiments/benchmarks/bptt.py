"""The cost of recording beside torch.nn without recording; both are timed in turn, in one run.

Each way of recording takes turns with the unrecorded step, so that other work on the machine slows both. A row's ratio
is the median of the ratios of neighbours in time.
"""

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from rich.box import SIMPLE_HEAD
from rich.table import Table

from analysis.wording import significant
from experiments.benchmarks.memory import peak_memory
from experiments.benchmarks.rivals import machine_line, rival_means, rival_table, rivalries
from experiments.benchmarks.steps import CELLS, SIZES, WAYS, products, step_of, timed
from experiments.commands.terminal import output


@dataclass(frozen=True)
class Cost:
    """One way at one size: ms per step, and its ratio to the unrecorded step (median, smallest, largest)."""

    cell: str
    size: tuple[int, int, int]
    threads: int
    way: str
    milliseconds: float
    ratio: float
    lowest: float
    highest: float


@dataclass(frozen=True)
class Growth:
    """`record` at one size, beside its matrix products alone."""

    cell: str
    size: tuple[int, int, int]
    milliseconds: float
    floor: float


def benchmark_recording(sizes: tuple[tuple[int, int, int], ...] = SIZES, seconds: float = 8.0) -> list[Cost]:
    """Every cell × size × number of threads × way; `seconds` is for one cell, size and number of threads."""
    rows: list[Cost] = []
    before = torch.get_num_threads()
    try:
        for size in sizes:
            for cell in CELLS:
                for count in (1, 2):
                    torch.set_num_threads(count)
                    rows += compare(cell, size, count, seconds)
    finally:
        torch.set_num_threads(before)
    return rows


def compare(cell: str, size: tuple[int, int, int], threads: int, seconds: float) -> list[Cost]:
    """Time each recording way in turn with the unrecorded one until the time is up, at least three times."""
    steps = {way: step_of(way, cell, size) for way in WAYS}
    for step in steps.values():
        step()
    times: dict[str, list[float]] = {way: [] for way in WAYS}
    ratios: dict[str, list[float]] = {way: [] for way in WAYS}
    for way in WAYS[1:]:
        end = time.perf_counter() + seconds / len(WAYS[1:])
        while time.perf_counter() < end or len(times[way]) < 3:
            unrecorded, recorded = timed(steps["torch.nn"]), timed(steps[way])
            times["torch.nn"].append(unrecorded)
            times[way].append(recorded)
            ratios[way].append(recorded / unrecorded)
    ratios["torch.nn"] = [1.0]
    return [
        Cost(
            *(cell, size, threads, way, 1e3 * statistics.median(times[way])),
            *(statistics.median(ratios[way]), min(ratios[way]), max(ratios[way])),
        )
        for way in WAYS
    ]


def growth(lengths: tuple[int, ...], widths: tuple[int, ...]) -> list[Growth]:
    """How the time of `record` grows with T (at batch 16, H 32) and with H (at T 50, batch 32), one thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        sizes = [(T, 16, 32) for T in lengths] + [(50, 32, H) for H in widths]
        return [
            Growth(cell, size, best(step_of("fast", cell, size)), floor(cell, size)) for size in sizes for cell in CELLS
        ]
    finally:
        torch.set_num_threads(before)


def floor(cell: str, size: tuple[int, int, int]) -> float:
    """Milliseconds of torch's matrix products alone: forward, backward and the weights' gradient."""
    return best(products(cell, size))


def best(step: Callable[[], object], seconds: float = 0.5) -> float:
    """Median milliseconds of a call, over half a second and at least three calls."""
    step()
    times: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 3:
        times.append(timed(step))
    return 1e3 * statistics.median(times)


def two_threads_to_one(cell: str, size: tuple[int, int, int], seconds: float) -> float:
    """Time of `record` with two threads ÷ with one, timed in turn: the median of the ratios."""
    step, before = step_of("fast", cell, size), torch.get_num_threads()
    ratios: list[float] = []
    end = time.perf_counter() + seconds
    try:
        while time.perf_counter() < end or len(ratios) < 5:
            times: list[float] = []
            for threads in (1, 2):
                torch.set_num_threads(threads)
                times.append(timed(step))
            ratios.append(times[1] / times[0])
    finally:
        torch.set_num_threads(before)
    return statistics.median(ratios)


def vanishing_to_kept(cell: str, size: tuple[int, int, int], threads: int, seconds: float) -> float:
    """Time of `record` with a loss at the last step ÷ at every step, in turn: the median of the ratios.

    With the last step's loss alone the gradient falls below float32's normal numbers, where some processors are slow.
    """
    vanishing, kept = step_of("fast", cell, size), step_of("fast", cell, size, "kept")
    before, ratios = torch.get_num_threads(), list[float]()
    torch.set_num_threads(threads)
    end = time.perf_counter() + seconds
    try:
        while time.perf_counter() < end or len(ratios) < 5:
            ratios.append(timed(vanishing) / timed(kept))
    finally:
        torch.set_num_threads(before)
    return statistics.median(ratios)


def main(quick: bool = False) -> None:
    """Measure, and print one table of costs and one of growth. `quick` takes the two smaller sizes and less time."""
    sizes = SIZES[:2] if quick else SIZES
    rows = benchmark_recording(sizes, seconds=2.0 if quick else 8.0)
    memory = {
        (cell, size, way): peak_memory(cell, size, way)
        for size in sizes
        for cell in CELLS
        for way in WAYS
    }  # fmt: skip
    console = output()
    console.print(machine_line((1, 2)))
    console.print(cost_table(rows, memory))
    for line in averages(rows):
        console.print(line)
    for cell in CELLS:
        shares = ", ".join(f"{two_threads_to_one(cell, size, 0.5 if quick else 2.0):.2f}" for size in sizes)
        console.print(f"{cell}: record with two threads ÷ with one, size by size: {shares}")
    for cell in CELLS:
        for threads in (1, 2):
            ratios = (vanishing_to_kept(cell, size, threads, 0.5 if quick else 2.0) for size in sizes)
            shares = ", ".join(f"{ratio:.2f}" for ratio in ratios)
            console.print(
                f"{cell}, {threads} thread{'s' * (threads > 1)}: loss at the last step ÷ at every step: {shares}"
            )
    rivals = rivalries(sizes, 3 if quick else 7)
    console.print(rival_table(rivals))
    for line in rival_means(rivals):
        console.print(line)
    lengths, widths = ((100, 1000), (16, 64)) if quick else ((100, 1000, 10000), (16, 32, 64, 128, 256, 512))
    console.print(growth_table(growth(lengths, widths)))


def averages(rows: list[Cost]) -> list[str]:
    """Geometric mean over the sizes of `record` ÷ unrecorded, for each cell and number of threads."""
    lines: list[str] = []
    for cell in CELLS:
        for threads in sorted({row.threads for row in rows}):
            ratios = [r.ratio for r in rows if (r.cell, r.threads, r.way) == (cell, threads, "fast")]
            mean = math.exp(statistics.fmean(math.log(ratio) for ratio in ratios))
            lines.append(
                f"{cell}, {threads} thread{'s' * (threads > 1)}: record ÷ torch.nn = {mean:.2f} (geometric mean)"
            )
    return lines


def cost_table(rows: list[Cost], memory: dict[tuple[str, tuple[int, int, int], str], float]) -> Table:
    """One row per cell, size, number of threads and way, within 80 columns."""
    title = "Forward and backward, and its ratio to torch.nn, which records nothing"
    table = Table(title=title, box=SIMPLE_HEAD, collapse_padding=True)
    for name in ("cell", "T/B/H", "threads", "way", "ms", "ratio", "range", "peak MB"):
        table.add_column(name, justify="left" if name in ("cell", "T/B/H", "way") else "right", no_wrap=True)
    for row in rows:
        if row.way == WAYS[0]:
            table.add_section()
        size = "/".join(str(n) for n in row.size)
        ratio, spread = f"{row.ratio:.2f}", f"{row.lowest:.2f}–{row.highest:.2f}"
        numbers = ("", "") if row.way == WAYS[0] else (ratio, spread)
        peak = f"{memory[row.cell, row.size, row.way]:.0f}"
        table.add_row(row.cell, size, str(row.threads), row.way, significant(row.milliseconds), *numbers, peak)
    return table


def growth_table(rows: list[Growth]) -> Table:
    """Cost over T and over H, beside the matrix products alone."""
    table = Table(title="How record grows, one thread: ms, µs per timestep, and the matrix products alone")
    for name in ("cell", "T/B/H", "record ms", "µs per timestep", "products ms", "record ÷ products"):
        table.add_column(name, justify="left" if name in ("cell", "T/B/H") else "right")
    for row in rows:
        size = "/".join(str(n) for n in row.size)
        per_step = 1e3 * row.milliseconds / row.size[0]
        numbers = (row.milliseconds, per_step, row.floor, row.milliseconds / row.floor)
        table.add_row(row.cell, size, *(significant(n) for n in numbers))
    return table

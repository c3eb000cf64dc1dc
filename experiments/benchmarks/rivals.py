"""`record` beside its rivals, for passes that keep, lose and multiply their gradient: torch.nn, JAX, the bare products.

`make benchmark-rivals` installs JAX into an environment of its own; its column is there where that environment is.
"""

import math
import os
import platform
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.box import SIMPLE_HEAD
from rich.table import Table

from analysis.wording import significant
from experiments.benchmarks.steps import CELLS, PASSES, problem, products, step_of
from models.bptt.compiled.tile import VECTOR

ENVIRONMENT = Path(__file__).parents[2] / ".rivals"
ROUNDS = 7


@dataclass(frozen=True)
class Rivalry:
    """Least processor milliseconds of one kind of pass at one size, one thread; None for a rival that is missing."""

    cell: str
    size: tuple[int, int, int]
    kind: str
    record: float
    unrecorded: float
    products: float
    jax: float | None


class Jax:
    """A process of JAX's environment, which answers tasks."""

    def __init__(self, process: "subprocess.Popen[str]", folder: Path) -> None:
        self.process, self.folder = process, folder

    def ask(self, task: str) -> float:
        """The answer to a task."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{task}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def load(self, cell: str, size: tuple[int, int, int], kind: str) -> float:
        """Give it the same network and inputs; ln‖dL/dh_1‖ of its first pass (nats), in float32."""
        model, inputs, _ = problem(cell, size, kind)
        weights = {**model.recurrent.state_dict(), **model.readout.state_dict()}
        arrays = {name.removesuffix("_l0"): weight.numpy() for name, weight in weights.items()}
        file = self.folder / "problem.npz"
        np.savez(file, x=inputs.numpy(), cell=np.array(cell), every=np.array(kind == "kept"), **arrays)
        return self.ask(f"load {file}")


@contextmanager
def jax_process() -> Iterator[Jax | None]:
    """JAX on one thread; None where its environment is not there."""
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        yield None
        return
    words = {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false", "OMP_NUM_THREADS": "1", "JAX_PLATFORMS": "cpu"}
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [python, Path(__file__).with_name("jax_pass.py")],
            env=os.environ | words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(process.pid, {max(os.sched_getaffinity(0))})
        try:
            yield Jax(process, Path(folder))
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait()


def rivalries(sizes: tuple[tuple[int, int, int], ...], rounds: int = ROUNDS) -> list[Rivalry]:
    """Every size × cell × kind of pass; all ways take turns, so that other work on the machine slows all of them."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with ExitStack() as stack:
        stack.callback(torch.set_num_threads, before)
        jax = stack.enter_context(jax_process())
        return [compare(cell, size, kind, rounds, jax) for size in sizes for cell in CELLS for kind in PASSES]


def compare(cell: str, size: tuple[int, int, int], kind: str, rounds: int, jax: Jax | None) -> Rivalry:
    """Time all ways in turn, each as often as takes some tens of milliseconds; the least time of each.

    Raises:
        ValueError: JAX's gradient is another one, so that the two do not compute the same.
    """
    steps = [step_of("fast", cell, size, kind), step_of("torch.nn", cell, size, kind), products(cell, size)]
    if jax is not None:
        theirs, ours = jax.load(cell, size, kind), log_norm_of_first(cell, size, kind)
        if -80 < ours < 0 and abs(theirs - ours) > 0.05:  # where float32 has it, and chaos has not parted them
            raise ValueError(f"JAX's ln‖dL/dh_1‖ is {theirs:.3f} and record's {ours:.3f}, for {cell} {size} {kind}.")
    count = max(1, round(0.03 / least(steps[0], 2)))
    times: list[list[float]] = [[] for _ in range(4)]
    for _ in range(rounds):
        for k, step in enumerate(steps):
            times[k].append(least(step, count))
        if jax is not None:
            times[3].append(jax.ask(f"time {count}"))
    ours, unrecorded, bare = (1e3 * min(of_way) for of_way in times[:3])
    return Rivalry(cell, size, kind, ours, unrecorded, bare, 1e3 * min(times[3]) if times[3] else None)


def least(step: Callable[[], object], count: int) -> float:
    """Least processor seconds of so many calls: other work on the machine changes them less than the clock's."""
    times: list[float] = []
    for _ in range(count):
        start = time.process_time()
        step()
        times.append(time.process_time() - start)
    return min(times)


def log_norm_of_first(cell: str, size: tuple[int, int, int], kind: str) -> float:
    """ln‖dL/dh_1‖ over the batch (nats), as `record` has it."""
    trace = step_of("fast", cell, size, kind)()
    return 0.5 * float(torch.logsumexp(2 * trace.log_norm[0, 0], dim=0))  # type: ignore[attr-defined]


def rival_table(rows: list[Rivalry]) -> Table:
    """One row per cell, size and kind of pass, within 80 columns."""
    with_jax = any(row.jax is not None for row in rows)
    title = "Least processor ms of record, and its ratio to others, one thread"
    table = Table(title=title, box=SIMPLE_HEAD, collapse_padding=True)
    names = ["cell", "T/B/H", "gradient", "record ms", "÷ torch.nn", *(["÷ JAX"] if with_jax else []), "÷ products"]
    for name in names:
        table.add_column(name, justify="left" if name in ("cell", "T/B/H", "gradient") else "right", no_wrap=True)
    for row in rows:
        others = [row.unrecorded, *([row.jax] if row.jax is not None else []), row.products]
        size = "/".join(str(n) for n in row.size)
        table.add_row(row.cell, size, row.kind, significant(row.record), *(f"{row.record / t:.2f}" for t in others))
    return table


def rival_means(rows: list[Rivalry]) -> list[str]:
    """Geometric means over the sizes, for each cell and kind of pass."""
    lines: list[str] = []
    for cell in CELLS:
        for kind in PASSES:
            mine = [row for row in rows if (row.cell, row.kind) == (cell, kind)]
            parts = [f"÷ torch.nn {geometric_mean([r.record / r.unrecorded for r in mine]):.2f}"]
            if all(row.jax is not None for row in mine):
                parts.append(f"÷ JAX {geometric_mean([r.record / (r.jax or math.nan) for r in mine]):.2f}")
            lines.append(f"{cell}, {kind}: record {', '.join(parts)} (geometric means)")
    return lines


def geometric_mean(ratios: list[float]) -> float:
    """The geometric mean."""
    return math.exp(sum(math.log(ratio) for ratio in ratios) / len(ratios))


def machine_line(threads: tuple[int, ...]) -> str:
    """The processor, the threads that are measured, and the kernels that multiply."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    kernels = f"torch {torch.backends.cpu.get_cpu_capability()}, compiled passes with vectors of {8 * VECTOR} bits"
    counts = " and ".join(str(count) for count in threads)
    return f"CPU: {name or platform.processor()}, {os.cpu_count()} cores. Threads: {counts}. Kernels: {kernels}."

"""The cost of a sweep beside its runs: two workers against one, the engine's share, planning, opening 10,000 results.

    python -m experiments benchmark sweep

One worker and two workers take turns with sweeps of 32 equal runs, so that other work on the machine slows both.
"""

import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import orjson
from distributed import Client
from rich.table import Table

import experiments
from experiments.commands.terminal import output
from experiments.sweeps.cluster import connected
from experiments.sweeps.compare import compare
from experiments.sweeps.engine import Report, run_sweep
from experiments.sweeps.folder import INDEX, SweepFolder, write_plan
from experiments.sweeps.index import load_results
from experiments.sweeps.plan import plan_of
from experiments.sweeps.probes import check, ensure_probe, probe_file

RUNS, MANY = 32, 10_000
TURNS = 2
LIMITS = {
    "two workers ÷ one, 32 equal runs": "0.56",
    "engine's share of a run of 10 s": "5 %",
    "dry run of 10,000": "5 s",
    "opening 10,000 results": "2 s",
}

EQUAL = """
kind = "run"
seeds = {runs}
[fixed]
cell = "lstm"
seq_len = 100
hidden_size = 32
batch_size = 16
steps = 100
record_every = 10
evaluate_every = 100
evaluate_size = 100
stop_on_success = false
"""
"""Runs of about half a second that differ only by their seeds."""

LARGE = """
kind = "probe"
seeds = 10
[fixed]
seq_len = 30
hidden_size = 8
batch_size = 4
[axes]
cell = ["elman", "lstm", "gru"]
largest_singular_value = {{ from = 0.25, to = 4.0, count = {count} }}
input_scale = [0.5, 1.0, 2.0]
"""


@dataclass(frozen=True)
class SweepCost:
    """Seconds, except for the two shares."""

    ratio: float
    """Two workers' time ÷ one worker's, the median over turns."""
    ratios: tuple[float, ...]
    one: float
    overhead: float
    """Share of a run's time that its worker does not spend on it."""
    dry_run: float
    opening: float
    comparing: float
    rebuilding: float


def measure(turns: int = TURNS, many: int = MANY) -> SweepCost:
    """Measure all costs, in temporary folders."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with connected(1) as one, connected(2) as two:
            timed_sweep(one, folder / "warm-1", 2)  # the first run of a process loads the compiled code
            timed_sweep(two, folder / "warm-2", 4)
            pairs = [
                (timed_sweep(one, folder / f"{k}-1", RUNS), timed_sweep(two, folder / f"{k}-2", RUNS))
                for k in range(turns)
            ]
        ratios = tuple(two_s / one_s for (one_s, _), (two_s, _) in pairs)
        overhead = statistics.median((seconds - report.worked) / RUNS for (seconds, report), _ in pairs)
        one_s = statistics.median(seconds for (seconds, _), _ in pairs)
        dry = timed_dry_run(folder, many)
        opening, comparing, rebuilding = timed_opening(folder / "many", many)
    return SweepCost(statistics.median(ratios), ratios, one_s, overhead, dry, opening, comparing, rebuilding)


def timed_sweep(client: Client, runs: Path, count: int) -> tuple[float, Report]:
    """Seconds of a sweep of `count` equal runs, from its plan to its end."""
    began = time.perf_counter()
    plan = plan_of(EQUAL.format(runs=count), "equal")
    report = run_sweep(plan, SweepFolder(runs, "equal"), client, threading.Event())
    assert report.ran == count
    return time.perf_counter() - began, report


def timed_dry_run(folder: Path, many: int) -> float:
    """Seconds of the whole command."""
    file = folder / "large.toml"
    file.write_text(LARGE.format(count=-(-many // 90)))
    command = [
        sys.executable,
        "-m",
        experiments.__name__,
        "sweep",
        str(file),
        "--dry-run",
        "--runs",
        str(folder / "none"),
    ]
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def timed_opening(runs: Path, many: int) -> tuple[float, float, float]:
    """Seconds to open the index of `many` finished probes, to compare them, and to make the index again."""
    folder = finished_probes(runs, many)
    rebuilding, _ = timed(lambda: load_results(folder))
    assert (folder.path / INDEX).exists()
    opening, results = timed(lambda: load_results(folder))
    assert results.read == 0
    assert results.done.all()
    comparing, _ = timed(lambda: compare(results, "input_scale", "largest_singular_value", "decay_rate"))
    return opening, comparing, rebuilding


def finished_probes(runs: Path, many: int) -> SweepFolder:
    """A folder of `many` finished probes: one real result, stored under every configuration's name."""
    plan = plan_of(LARGE.format(count=-(-many // 90)), "large")
    folder = SweepFolder(runs, plan.name)
    write_plan(folder, plan)
    first = plan.config(plan.runs[0])
    ensure_probe(first, runs)
    body = orjson.loads(probe_file(runs, first.identity()).read_bytes())
    body.pop("check")
    for run in plan.runs:
        given = {**body, "id": run.name, "config": plan.config(run).model_dump()}
        path = probe_file(runs, run.name)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(orjson.dumps({"check": check(given), **given}))
    return folder


T = TypeVar("T")


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Seconds that a call takes, and its result."""
    began = time.perf_counter()
    given = work()
    return time.perf_counter() - began, given


def main() -> None:
    """Measure and print a table."""
    cost = measure()
    values = [
        f"{cost.ratio:.2f} ({min(cost.ratios):.2f} to {max(cost.ratios):.2f})",
        f"{cost.overhead / 10:.2%} ({1e3 * cost.overhead:.0f} ms per run)",
        f"{cost.dry_run:.1f} s",
        f"{cost.opening:.2f} s, comparing {cost.comparing:.2f} s, made again {cost.rebuilding:.1f} s",
    ]
    table = Table(title=f"Sweeps; one worker's 32 runs took {cost.one:.1f} s")
    for column in ("what", "at most", "measured"):
        table.add_column(column)
    for (what, limit), value in zip(LIMITS.items(), values, strict=True):
        table.add_row(what, limit, value)
    output().print(table)


if __name__ == "__main__":
    main()

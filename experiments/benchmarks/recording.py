"""The cost of recording a training: steps with and without a run folder, timed in turns, in one run.

    python -m experiments benchmark recording

Each turn takes the same number of steps in three ways: without recording, with the default settings, and with every
step and all gates recorded. So other work on the machine slows all three. The time includes writing to the disk.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from experiments.commands.terminal import output
from experiments.config.run_config import RunConfig
from experiments.runs.train import Recorder
from experiments.training.training import Training
from models.bptt.threads import use_one_thread

TURN = 40
"""Steps between two looks at the clock."""
TURNS = 15
LIMITS = {"default": 0.10, "every step, all gates": 0.50}
"""Largest allowed shares of the training time for recording."""


@dataclass(frozen=True)
class RecordingCost:
    """Milliseconds per step without recording, and the share that each way of recording adds."""

    cell: str
    milliseconds: float
    shares: dict[str, float]


def settings(cell: str, way: str) -> RunConfig:
    """T = 200, H = 64, batch 32; `way` is one of `LIMITS`."""
    config = RunConfig(cell=cell, seq_len=200, hidden_size=64, batch_size=32, steps=10**6, evaluate_every=None)
    if way == "default":
        return config
    return config.model_copy(update={"record_every": 1, "record_units": None})


def cost(cell: str, turns: int = TURNS, turn: int = TURN) -> RecordingCost:
    """Measure one cell; each share is the ratio of the times of all turns, minus 1."""
    plain = Training(settings(cell, "default"))
    times: dict[str, list[float]] = {"none": [], **{way: [] for way in LIMITS}}
    with tempfile.TemporaryDirectory() as folder:
        recorders = {way: Recorder.start(settings(cell, way), Path(folder) / way.replace(" ", "-")) for way in LIMITS}
        left: dict[str, float] = {}
        for k in range(turns + 1):
            taken = {"none": timed(train_only, plain, turn)}
            for way, recorder in recorders.items():
                idle = time.monotonic() - left[way] if way in left else 0.0
                taken[way] = timed(record_too, recorder, turn, idle)
                left[way] = time.monotonic()
            for way, seconds in taken.items() if k else ():  # the first turn warms up
                times[way].append(seconds / turn)
        for recorder in recorders.values():
            recorder.close()
    # sums, not medians: most of a commit's cost falls into few turns
    shares = {way: sum(times[way]) / sum(times["none"]) - 1 for way in LIMITS}
    return RecordingCost(cell, 1e3 * statistics.median(times["none"]), shares)


def timed(work: Callable[..., None], *arguments: object) -> float:
    """Seconds that the call takes."""
    began = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - began


def train_only(training: Training, steps: int) -> None:
    """Train without recording."""
    for _ in range(steps):
        training.update(training.advance().clipping.grads)


def record_too(recorder: Recorder, steps: int, idle: float = 0.0) -> None:
    """Train with recording and the commits that fall due; `idle` seconds before do not count towards a commit."""
    recorder.commit_ended += idle
    for _ in range(steps):
        recorder.turn()


def main() -> None:
    """Measure each cell and print a table."""
    use_one_thread()
    table = Table(title="Cost of recording, T = 200, H = 64, batch 32, one thread")
    for column in ("cell", "ms per step without", *(f"{way} (at most {limit:.0%})" for way, limit in LIMITS.items())):
        table.add_column(column)
    for cell in ("elman", "gru", "lstm"):
        measured = cost(cell)
        table.add_row(cell, f"{measured.milliseconds:.1f}", *(f"{measured.shares[way]:+.1%}" for way in LIMITS))
    output().print(table)


if __name__ == "__main__":
    main()

"""All results of a sweep in one table, which opens quickly and can be made again from the runs' folders.

For each run the table holds the size and modification time of the file that was read. Opening it compares these with
the files and reads changed files again. So deleting the index loses nothing.
"""

import math
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy import ndarray

from experiments.reading import read_bounded
from experiments.runs.folder import PROBES
from experiments.runs.opening import open_run
from experiments.runs.store.errors import RunError
from experiments.runs.store.progress import PROGRESS
from experiments.sweeps.folder import INDEX, SweepFolder, failures, put, stored_plan
from experiments.sweeps.plan import Kind, Plan
from experiments.sweeps.probes import PROBE, read_probe
from experiments.sweeps.quantities import quantities_of, run_numbers

LARGEST_INDEX = 2**29
"""Most bytes; a million runs take some hundred million."""
STATUSES = ("planned", "begun", "finished", "diverged", "failed")
"""`diverged`: finished, with Inf or NaN. `begun`: running, or interrupted."""


@dataclass(frozen=True)
class Entry:
    """The numbers of one run, and the size and time of the file from which they were read."""

    status: str
    modified: int
    """Nanoseconds since 1970; 0 if there is no file."""
    size: int
    numbers: Mapping[str, float]


PLANNED = Entry("planned", 0, 0, {})


@dataclass(frozen=True, eq=False)
class Results:
    """Every run of a sweep in the plan's order, with its numbers."""

    plan: Plan
    status: ndarray
    """The status of each run, one of `STATUSES`."""
    numbers: Mapping[str, ndarray]
    """Quantity → values, [run], float64; NaN for a run without a value."""
    errors: Mapping[str, str]
    """Run → why it failed."""
    read: int
    """How many files had to be read because the index did not have them."""

    @property
    def done(self) -> ndarray:
        """Which runs have numbers, [run]."""
        return np.isin(self.status, ("finished", "diverged"))


def load_results(folder: SweepFolder, plan: Plan | None = None) -> Results:
    """Load a sweep's results as they are on the disk now.

    Args:
        folder: the sweep.
        plan: its plan; None for the plan with which it was last started.

    Raises:
        RunError: there is no such sweep.
    """
    plan = plan or stored_plan(folder)
    known = read_index(folder.path / INDEX, plan.kind)
    parent = folder.runs / PROBES if plan.kind == "probe" else folder.runs
    name = PROBE if plan.kind == "probe" else PROGRESS
    entries: dict[str, Entry] = {}
    read = 0
    for run in plan.runs:
        try:
            seen = os.stat(f"{parent}/{run.name}/{name}")  # noqa: PTH116  thousands of them: a Path takes three times as long
        except OSError:
            entries[run.name] = PLANNED
            continue
        entry = known.get(run.name)
        if entry is None or (entry.modified, entry.size) != (seen.st_mtime_ns, seen.st_size):
            entry = read_entry(parent / run.name, plan.kind, seen)
            read += 1
        entries[run.name] = entry
    if read or len(known) > len(entries):
        with suppress(OSError):  # a folder that may only be read: the table is made anew each time
            write_index(folder.path / INDEX, plan.kind, entries)
    return results_of(plan, entries, {run: failure.error for run, failure in failures(folder).items()}, read)


def results_of(plan: Plan, entries: Mapping[str, Entry], failed: Mapping[str, str], read: int) -> Results:
    """The entries as columns."""
    rows = [entries[run.name] for run in plan.runs]
    errors = {
        r.name: failed[r.name] for r, e in zip(plan.runs, rows, strict=True) if r.name in failed and not e.numbers
    }
    status = [
        "failed" if run.name in errors else entry.status for run, entry in zip(plan.runs, rows, strict=True)
    ]  # fmt: skip
    numbers = {name: np.array([row.numbers.get(name, math.nan) for row in rows]) for name in quantities_of(plan.kind)}
    return Results(plan, np.array(status, dtype=object), numbers, errors, read)


def read_entry(folder: Path, kind: Kind, seen: os.stat_result) -> Entry:
    """Read a run's folder; a run that cannot be read counts as begun, since the sweep will run it again."""
    where = seen.st_mtime_ns, seen.st_size
    try:
        if kind == "probe":
            numbers: Mapping[str, float] = read_probe(folder / PROBE).numbers
        else:
            run = open_run(folder)
            if run.progress.status != "finished":
                return Entry("begun", *where, {})
            numbers = run_numbers(run)
    except (RunError, OSError, KeyError, ValueError):
        return Entry("begun", *where, {})
    return Entry("diverged" if numbers["diverged"] else "finished", *where, numbers)


def read_index(path: Path, kind: Kind) -> dict[str, Entry]:
    """Run → its entry; empty if the index is missing, damaged, or made for other quantities."""
    import pyarrow as pa  # type: ignore[import-untyped]  # here, as it takes a quarter of a second
    from pyarrow import parquet

    try:
        table = parquet.read_table(pa.BufferReader(read_bounded(path, LARGEST_INDEX)))
        if table.schema.metadata.get(b"quantities") != signature(kind):
            return {}
        columns = {name: table.column(name).to_numpy() for name in table.column_names}
        names = list(quantities_of(kind))
        numbers = np.stack([columns[name] for name in names], axis=-1).tolist()
        heads = zip(*(columns[c].tolist() for c in ("name", "status", "modified", "size")), numbers, strict=True)
        return {
            run: Entry(status, modified, size, dict(zip(names, values, strict=True)) if known else {})
            for run, status, modified, size, values in heads
            for known in [status != "begun"]
            if status in STATUSES
        }
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError, AttributeError):
        return {}


def write_index(path: Path, kind: Kind, entries: Mapping[str, Entry]) -> None:
    """Write an entry for every run that has a file.

    Raises:
        OSError: the disk refuses.
    """
    import pyarrow as pa
    from pyarrow import parquet

    there = {name: entry for name, entry in entries.items() if entry is not PLANNED}
    columns: dict[str, object] = {
        "name": list(there),
        "status": [entry.status for entry in there.values()],
        "modified": np.array([entry.modified for entry in there.values()], dtype=np.int64),
        "size": np.array([entry.size for entry in there.values()], dtype=np.int64),
    }
    for name in quantities_of(kind):
        columns[name] = np.array([e.numbers.get(name, math.nan) for e in there.values()], dtype=np.float64)
    sink = pa.BufferOutputStream()
    parquet.write_table(pa.table(columns).replace_schema_metadata({"quantities": signature(kind)}), sink)
    put(path, sink.getvalue().to_pybytes())


def signature(kind: Kind) -> bytes:
    """The text that an index of this version of the program must contain."""
    return " ".join(["1", *quantities_of(kind)]).encode()

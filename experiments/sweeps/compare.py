"""A sweep's results as tables: one quantity over two axes, mean and spread over seeds, a panel per other value."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy import ndarray

from analysis.importance import sort_key
from experiments.config.words import bare, shortened
from experiments.errors import ConfigError
from experiments.sweeps.index import Results
from experiments.sweeps.quantities import quantities_of

TOLD_FIRST = ("task", "cell", "network", "attention")
"""Axes that tell panels apart before others do."""
Value = object
"""A field's value; None means `none`, or an axis that does not apply."""


@dataclass(frozen=True)
class TableCell:
    """All runs that differ only by their seed."""

    panel: tuple[Value, ...]
    row: Value
    column: Value
    mean: float
    """Mean of the finite values; NaN if there is none."""
    spread: float
    """Standard deviation over runs (divided by n − 1); NaN for fewer than two finite values."""
    runs: int
    """Number of runs with a finite value."""
    planned: int
    diverged: int
    failed: int
    names: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """One quantity over rows × columns, a panel for each combination of the other axes."""

    value: str
    rows: str
    columns: str
    others: tuple[str, ...]
    """The axes that vary, except rows, columns and seed."""
    row_values: tuple[Value, ...]
    column_values: tuple[Value, ...]
    panels: tuple[tuple[Value, ...], ...]
    cells: Mapping[tuple[tuple[Value, ...], Value, Value], TableCell]

    @property
    def telling(self) -> tuple[str, ...]:
        """As few of the other axes as tell the panels apart: in a sweep of recipes many axes vary together."""
        found: list[str] = []

        def groups(names: Sequence[str]) -> int:
            places = [self.others.index(name) for name in names]
            return len({tuple(panel[k] for k in places) for panel in self.panels})

        for name in sorted(self.others, key=lambda name: name not in TOLD_FIRST):
            if groups([*found, name]) > groups(found):
                found.append(name)
        return tuple(name for name in self.others if name in found)

    def grid(self, panel: tuple[Value, ...], what: str) -> ndarray:
        """`mean`, `spread`, `runs`, … of a panel, [row, column], float64; NaN if no run is planned."""
        out = np.full((len(self.row_values), len(self.column_values)), math.nan)
        for i, row in enumerate(self.row_values):
            for j, column in enumerate(self.column_values):
                if (panel, row, column) in self.cells:
                    out[i, j] = getattr(self.cells[panel, row, column], what)
        return out

    def table(self) -> dict[str, list[Any]]:
        """Columns of a long table: the axes, then mean, spread and the numbers of runs."""
        cells = list(self.cells.values())
        out: dict[str, list[Any]] = {name: [cell.panel[k] for cell in cells] for k, name in enumerate(self.others)}
        out |= {self.rows: [cell.row for cell in cells], self.columns: [cell.column for cell in cells]}
        out |= {f"{self.value}_mean": [c.mean for c in cells], f"{self.value}_spread": [c.spread for c in cells]}
        return out | {what: [getattr(c, what) for c in cells] for what in ("runs", "planned", "diverged", "failed")}


def compare(
    results: Results, rows: str, columns: str, value: str, where: Mapping[str, object] | None = None
) -> Comparison:
    """Compare one quantity over two axes.

    Args:
        results: the sweep's results.
        rows: the axis whose values are the rows.
        columns: the axis whose values are the columns.
        value: the quantity.
        where: axis → the only value to show.

    Raises:
        ConfigError: no such axis, quantity or value.
    """
    plan = results.plan
    axes = [axis for axis in plan.axes if axis != "seed"]
    for name, given in (("--rows", rows), ("--columns", columns), *(("--where", axis) for axis in where or {})):
        if given not in axes:
            raise ConfigError(f"{name} was {shortened(given)}; it must be an axis of the sweep: {', '.join(axes)}.")
    if rows == columns:
        raise ConfigError(f"--rows and --columns were both {shortened(rows)}; they must be two axes.")
    if value not in quantities_of(plan.kind):
        raise ConfigError(f"--value was {shortened(value)}; it must be one of {', '.join(quantities_of(plan.kind))}.")
    chosen = np.ones(len(plan.runs), dtype=bool)
    for axis, wanted in (where or {}).items():
        having = np.array([run.values.get(axis) == wanted for run in plan.runs])
        if not having.any():
            there = ", ".join(bare(v) for v in ordered({run.values.get(axis) for run in plan.runs}))
            raise ConfigError(f"--where {axis} was {shortened(wanted)}; it must be one of {there}.")
        chosen &= having
    if not chosen.any():
        held = " and ".join(f"{axis}={bare(wanted)}" for axis, wanted in (where or {}).items())
        raise ConfigError(f"no run of the sweep has {held} together; remove one --where.")
    return gathered(results, rows, columns, value, np.flatnonzero(chosen))


def gathered(results: Results, rows: str, columns: str, value: str, chosen: ndarray) -> Comparison:
    """Sort the chosen runs into cells."""
    runs = [results.plan.runs[k] for k in chosen]
    others = tuple(
        axis
        for axis in results.plan.axes
        if axis not in ("seed", rows, columns) and len({run.values.get(axis, ...) for run in runs}) > 1
    )
    groups: dict[tuple[tuple[Value, ...], Value, Value], list[int]] = {}
    for k, run in zip(chosen, runs, strict=True):
        panel = tuple(run.values.get(axis) for axis in others)
        groups.setdefault((panel, run.values.get(rows), run.values.get(columns)), []).append(int(k))
    cells = {key: cell_of(results, key, members, value) for key, members in groups.items()}
    panels = tuple(dict.fromkeys(panel for panel, _, _ in groups))
    return Comparison(
        value, rows, columns, others, ordered({row for _, row, _ in groups}), ordered({c for _, _, c in groups}),
        panels, cells,
    )  # fmt: skip


def cell_of(
    results: Results, key: tuple[tuple[Value, ...], Value, Value], members: Sequence[int], value: str
) -> TableCell:
    """Mean and spread over the runs of a cell."""
    status = results.status[list(members)]
    values = results.numbers[value][list(members)]
    finite = values[np.isfinite(values)]
    return TableCell(
        *key,
        mean=float(finite.mean()) if finite.size else math.nan,
        spread=float(finite.std(ddof=1)) if finite.size > 1 else math.nan,
        runs=int(finite.size),
        planned=len(members),
        diverged=int((status == "diverged").sum()),
        failed=int((status == "failed").sum()),
        names=tuple(results.plan.runs[k].name for k in members),
    )


def ordered(values: set[Value]) -> tuple[Value, ...]:
    """Sort values: numbers by size, then text, then none."""
    return tuple(sorted(values, key=sort_key))


def shown(cell: TableCell | None) -> str:
    """A cell of the text table: mean ± spread, and how many runs diverged, failed or are missing."""
    if cell is None:
        return ""
    mean = "" if math.isnan(cell.mean) else f"{cell.mean:.3g}"
    if not math.isnan(cell.spread):
        mean += f" ± {cell.spread:.2g}"
    left = cell.planned - cell.runs - cell.diverged - cell.failed
    notes = [(cell.diverged, "diverged"), (cell.failed, "failed"), (left if not cell.runs else 0, "without")]
    words = ", ".join(f"{count} {what}" for count, what in notes if count > 0)
    return f"{mean} ({words})" if mean and words else mean or words

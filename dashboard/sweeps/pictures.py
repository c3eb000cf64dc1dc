"""Draws a sweep's results: heatmaps with critical lines, and the profiles of a row."""

from collections.abc import Mapping

import numpy as np

from analysis.figures.picture import Picture
from analysis.figures.sweep import sweep_picture
from analysis.figures.sweep_panel import Heatmap, Side, words
from analysis.figures.sweep_row import RowProfile, row_picture
from analysis.figures.theme import cell_name
from dashboard.control_names import label_within
from dashboard.sweeps.new_settings import option_words
from experiments.config.run_config import RunConfig
from experiments.runs.opening import open_run
from experiments.runs.store.errors import RunError
from experiments.sweeps.compare import Comparison, TableCell
from experiments.sweeps.folder import SweepFolder
from experiments.sweeps.plan import Plan
from experiments.sweeps.probes import probe_file, read_probe
from experiments.sweeps.quantities import QUANTITIES, last_profile
from models.cells.elman.step import STEEPEST


def draw_comparison(
    plan: Plan, table: Comparison, what: str = "mean", chosen: tuple[int, int, int] | None = None
) -> Picture:
    """The comparison as heatmaps; the chosen cell, if any, has a frame."""
    quantity = QUANTITIES[table.value]
    panels = [_make_panel(plan, table, panel) for panel in table.panels]
    rows, columns = (
        Side(label_within(table.rows), table.row_values),
        Side(label_within(table.columns), table.column_values),
    )
    return sweep_picture(
        panels, rows, columns, quantity.label, quantity.sentence,
        diverging=quantity.diverging, log=quantity.log, what=what, chosen=chosen,
    )  # fmt: skip


def _make_panel(plan: Plan, table: Comparison, panel: tuple[object, ...]) -> Heatmap:
    """One heatmap's numbers."""
    names = ("mean", "spread", "runs", "planned", "diverged", "failed")
    mean, spread, runs, planned, diverged, failed = (table.grid(panel, name) for name in names)
    lines = _find_critical_lines(plan, table, panel)
    return Heatmap(panel_words(table, panel), mean, spread, runs, planned, diverged, failed, lines)


def panel_words(table: Comparison, panel: tuple[object, ...]) -> str:
    """What a panel's runs have in common: `Elman, tanh`, `LSTM`."""
    told = table.telling
    parts = [
        _panel_part(name, value)
        for name, value in zip(table.others, panel, strict=True)
        if value is not None and name in told
    ]
    return ", ".join(parts)


def _panel_part(field: str, value: object) -> str:
    if field == "cell":
        return cell_name(str(value))
    if isinstance(value, str):
        return (option_words(field) or {}).get(value, value)
    return f"{label_within(field)} {words(value)}"


def _find_critical_lines(plan: Plan, table: Comparison, panel: tuple[object, ...]) -> Mapping[str, float]:
    """Where theory says that something changes along the columns.

    An Elman gradient must vanish where γ · (spectral norm) < 1. A wide Gaussian matrix of gain g has the norm
    2 g, and the spectral radius g.
    """
    settings = {**RunConfig().model_dump(), **plan.fixed, **dict(zip(table.others, panel, strict=True))}
    settings = {name: value for name, value in settings.items() if value is not None}
    if table.columns == "largest_singular_value":
        lines = {"norm 1": 1.0}
        slope = STEEPEST.get(str(settings.get("nonlinearity", "tanh")))
        if settings.get("cell") == "elman" and slope is not None:
            lines = {"norm 1, bound": 1 / slope}
        return lines
    if table.columns == "gain" and settings.get("cell") == "elman":
        return {"bound": 0.5, "gain 1": 1.0}
    return {}


def draw_row_profiles(
    folder: SweepFolder, plan: Plan, table: Comparison, panel: tuple[object, ...], row: object
) -> Picture:
    """The profiles of a row's cells over each other, of the first seed that has one."""
    profiles = []
    cells = {c: table.cells[panel, row, c] for c in table.column_values if (panel, row, c) in table.cells}
    for column, cell in cells.items():
        found = _read_first_profile(folder, plan, cell)
        if found is not None:
            lag, log_norm = found
            profiles.append(RowProfile(f"{label_within(table.columns)} {words(column)}", lag, log_norm))
    where = ", ".join(part for part in (panel_words(table, panel), f"{label_within(table.rows)} {words(row)}") if part)
    return row_picture(where, profiles, of_several=any(len(cell.names) > 1 for cell in cells.values()))


def _read_first_profile(folder: SweepFolder, plan: Plan, cell: TableCell) -> tuple[np.ndarray, np.ndarray] | None:
    """Lag and ln‖dL/dh_t‖ (nats) of the first of a cell's runs that has them."""
    for name in cell.names:
        try:
            if plan.kind == "probe":
                probe = read_probe(probe_file(folder.runs, name))
                return probe.t[-1] - probe.t, probe.log_norm
            log_norm = last_profile(open_run(folder.runs / name))
        except RunError:
            continue
        if len(log_norm):
            return np.arange(len(log_norm))[::-1], log_norm
    return None

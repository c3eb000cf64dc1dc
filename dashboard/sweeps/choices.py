"""The choices on Sweeps: the quantity, the axes, and one cell."""

from typing import Any

import streamlit as st

from analysis.figures.sweep_panel import words
from dashboard.sweeps.pictures import axis_words, panel_words
from experiments.sweeps.compare import Comparison, compare
from experiments.sweeps.index import Results
from experiments.sweeps.quantities import quantities_of

STATISTICS = {"mean": "mean over seeds", "spread": "spread over seeds", "runs": "number of runs"}
EVERY = "all, side by side"


def choose_comparison(results: Results) -> tuple[Comparison, str] | None:
    """What is drawn: the quantity, two axes, and what the other axes are held at."""
    plan = results.plan
    named = {axis for axis in plan.axes if any(isinstance(run.values.get(axis), str) for run in plan.runs)}
    axes = sorted((axis for axis in plan.axes if axis != "seed"), key=lambda axis: axis in named)  # numbers first
    if len(axes) < 2:
        st.info(
            f"A heatmap needs two axes. This sweep has {len(axes)} beside its seeds. "
            "The command `compare` prints its numbers."
        )
        return None
    quantities = quantities_of(plan.kind)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        value = _pick("Quantity", list(quantities), plan.show.get("value"), f"{plan.name}-value", quantity_words)
        columns = _pick("Columns", axes, plan.show.get("columns", axes[0]), f"{plan.name}-columns", axis_words)
        left = [axis for axis in axes if axis != columns]
        rows = _pick("Rows", left, plan.show.get("rows", left[0]), f"{plan.name}-rows", axis_words)
        statistic = _pick("Statistic", list(STATISTICS), "mean", f"{plan.name}-what", STATISTICS.__getitem__)
        where = _held_axes(results, [axis for axis in left if axis != rows])
    return compare(results, rows, columns, value, where), statistic


def choose_cell(results: Results, table: Comparison) -> tuple[tuple[object, ...], object, object]:
    """The panel, row and column of a cell, from selectboxes; a click on a heatmap sets them, too."""
    name = results.plan.name
    with st.container(horizontal=True, vertical_alignment="bottom"):
        panel = table.panels[0]
        if len(table.panels) > 1:
            panel = _choose_one("Heatmap", table.panels, f"{name}-cell-panel", lambda p: panel_words(table, p))
        row = _choose_one(_heading(table.rows), table.row_values, f"{name}-cell-{table.rows}", words)
        column = _choose_one(_heading(table.columns), table.column_values, f"{name}-cell-{table.columns}", words)
    return panel, row, column


def set_cell(name: str, table: Comparison, panel: tuple[object, ...], row: object, column: object) -> None:
    """Set the selectboxes of `choose_cell`."""
    st.session_state[f"{name}-cell-panel"] = panel
    st.session_state[f"{name}-cell-{table.rows}"] = row
    st.session_state[f"{name}-cell-{table.columns}"] = column


def quantity_words(quantity: str) -> str:
    """A quantity's name in a list."""
    return quantity.replace("_", " ")


def _pick(label: str, options: list[str], first: str | None, key: str, named: Any) -> str:
    index = options.index(first) if first in options else 0
    return str(st.selectbox(label, options, index=index, format_func=named, key=key))


def _heading(field: str) -> str:
    words_of = axis_words(field)
    return words_of[:1].upper() + words_of[1:]


def _held_axes(results: Results, axes: list[str]) -> dict[str, object]:
    where: dict[str, object] = {}
    for axis in axes:
        values = dict.fromkeys(run.values[axis] for run in results.plan.runs if axis in run.values)
        chosen = st.selectbox(
            _heading(axis), [EVERY, *values], key=f"{results.plan.name}-{axis}",
            format_func=lambda v: v if v == EVERY else words(v),
        )  # fmt: skip
        if chosen != EVERY:
            where[axis] = chosen
    return where


def _choose_one(label: str, options: tuple[Any, ...], key: str, named: Any) -> Any:
    # A choice that is no longer among the options is forgotten.
    if st.session_state.get(key, options[0]) not in options:
        del st.session_state[key]
    return st.selectbox(label, options, format_func=named, key=key)

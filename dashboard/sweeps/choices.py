"""The choices on Sweeps: the quantity, the axes, and one cell."""

from collections.abc import Callable, Sequence

import streamlit as st

from analysis.figures.sweep_panel import words
from dashboard.components.as_text import as_text
from dashboard.control_names import label_within
from dashboard.sweeps.kept_choices import asked_sweep, choose, get_choice, set_choice
from dashboard.sweeps.pictures import panel_words
from experiments.config.words import shortened
from experiments.sweeps.compare import Comparison, compare
from experiments.sweeps.index import Results
from experiments.sweeps.plan import Plan
from experiments.sweeps.quantities import QUANTITIES, quantities_of

STATISTICS = {"mean": "mean over seeds", "spread": "spread over seeds", "runs": "number of runs"}
EVERY = "all, side by side"


VIEWS = {"maps": "heatmaps", "runs": "all runs and what matters"}


def choose_sweep(names: Sequence[str]) -> str:
    """The sweep that is shown: the one of the address, if it is there."""
    asked = asked_sweep()
    if asked and asked not in names:
        st.error(as_text(f"There is no sweep {shortened(asked)}. Choose one of {', '.join(names[:10])}."))
    elif asked:
        st.session_state["sweep-name"] = asked
    return str(st.selectbox("Sweep", names, key="sweep-name"))


def choose_shown(results: Results) -> str | tuple[Comparison, str] | None:
    """The quantity of all runs, or what the heatmaps compare; None where there is too little to compare."""
    first = "maps" if len(_axes(results.plan)) > 1 else "runs"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        view = _pick(results.plan, "Show", "view", list(VIEWS), first, VIEWS.__getitem__)
        return choose_quantity(results) if view == "runs" else choose_comparison(results)


def _axes(plan: Plan) -> list[str]:
    """The axes beside the seeds."""
    return [axis for axis in plan.axes if axis != "seed"]


def choose_quantity(results: Results) -> str:
    """The quantity of all runs."""
    plan = results.plan
    return _pick(plan, "Quantity", "value", list(quantities_of(plan.kind)), plan.show.get("value"), quantity_words)


def choose_comparison(results: Results) -> tuple[Comparison, str] | None:
    """What is drawn: the quantity, two axes, and what the other axes are held at."""
    plan = results.plan
    named = {axis for axis in plan.axes if any(isinstance(run.values.get(axis), str) for run in plan.runs)}
    axes = sorted(_axes(plan), key=lambda axis: axis in named)  # numbers first
    if len(axes) < 2:
        st.info(
            f"A heatmap needs two axes. This sweep has {len(axes)} besides its seeds. "
            f"Choose {VIEWS['runs']!r} to see its numbers."
        )
        return None
    value = choose_quantity(results)
    columns = _pick(plan, "Columns", "columns", axes, plan.show.get("columns", axes[0]), label_within)
    left = [axis for axis in axes if axis != columns]
    rows = _pick(plan, "Rows", "rows", left, plan.show.get("rows", left[0]), label_within)
    statistic = _pick(plan, "Statistic", "what", list(STATISTICS), "mean", STATISTICS.__getitem__)
    told = compare(results, rows, columns, value).telling
    where = _held_axes(results, [axis for axis in left if axis in told])
    return compare(results, rows, columns, value, where), statistic


def choose_cell(results: Results, table: Comparison) -> tuple[tuple[object, ...], object, object]:
    """The panel, row and column of a cell, from selectboxes; a click on a heatmap sets them, too."""
    name = results.plan.name
    with st.container(horizontal=True, vertical_alignment="bottom"):
        panel = table.panels[0]
        if len(table.panels) > 1:
            panel = choose("Heatmap", table.panels, f"{name}-cell-panel", "map", lambda p: panel_words(table, p))
        row = choose(_heading(table.rows), table.row_values, f"{name}-cell-{table.rows}", "row", words)
        column = choose(_heading(table.columns), table.column_values, f"{name}-cell-{table.columns}", "column", words)
    return panel, row, column


def set_cell(name: str, table: Comparison, panel: tuple[object, ...], row: object, column: object) -> None:
    """Set the selectboxes of `choose_cell`."""
    set_choice(f"{name}-cell-panel", panel)
    set_choice(f"{name}-cell-{table.rows}", row)
    set_choice(f"{name}-cell-{table.columns}", column)


def quantity_words(quantity: str) -> str:
    """A quantity's name in a list, without its unit."""
    return QUANTITIES[quantity].label.split(",")[0]


def _pick(plan: Plan, label: str, name: str, options: list[str], first: str | None, named: Callable[[str], str]) -> str:
    return str(choose(label, options, f"{plan.name}-{name}", name, named, first))


def _heading(field: str) -> str:
    words_of = label_within(field)
    return words_of[:1].upper() + words_of[1:]


def _held_axes(results: Results, axes: list[str]) -> dict[str, object]:
    where: dict[str, object] = {}
    for axis in axes:
        values = dict.fromkeys(run.values[axis] for run in results.plan.runs if axis in run.values)
        key = f"{results.plan.name}-{axis}"
        chosen = choose(_heading(axis), [EVERY, *values], key, f"hold-{axis}", _name_held)
        if chosen != EVERY:
            where[axis] = chosen
    return where


def _name_held(value: object) -> str:
    return EVERY if value == EVERY else words(value)


def present_cell(name: str, table: Comparison) -> tuple[int, int, int]:
    """The places of the panel, row and column that `choose_cell` has, as far as they are chosen; else the first."""
    at = []
    sides = (("panel", table.panels), (table.rows, table.row_values), (table.columns, table.column_values))
    for part, options in sides:
        chosen = get_choice(f"{name}-cell-{part}", options[0])
        at.append(options.index(chosen) if chosen in options else 0)
    return at[0], at[1], at[2]

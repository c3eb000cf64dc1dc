"""Sweeps: how far they are, any quantity over any two of their axes, and the runs behind each cell."""

from typing import Any

import streamlit as st

from analysis.figures.sweep_panel import words
from analysis.wording import duration
from dashboard.components.as_text import as_text
from dashboard.components.refusal import for_page, refuse
from dashboard.components.show import show
from dashboard.components.style import page_style
from dashboard.sweeps.pictures import axis_words, panel_words, picture, row_profiles
from dashboard.train.jobs import RUNS
from experiments.config.run_config import ConfigError
from experiments.config.words import shortened
from experiments.sweeps.compare import Cell, Comparison, compare
from experiments.sweeps.folder import SweepFolder, list_sweeps, sessions
from experiments.sweeps.index import Results, load_results
from experiments.sweeps.quantities import quantities_of

WHAT = {"mean": "mean over seeds", "spread": "spread over seeds", "runs": "number of runs"}
MOST_PANELS = 12
EVERY = "all, side by side"


def progress(folder: SweepFolder) -> None:
    """How far the sweep is, and who works on it; drawn again every second while somebody does."""
    working = [session for session in sessions(folder) if session.lives]
    for session in working:
        done = session.finished + session.failed
        failed = f" · {session.failed} failed" if session.failed else ""
        left = "" if session.seconds_left is None else f" · about {duration(session.seconds_left)} left"
        st.progress(min(done / max(session.total, 1), 1.0), f"**{done:,} of {session.total:,} runs**{failed}{left}")
        for worker, doing in session.workers.items():
            st.caption(as_text(f"{worker}: {doing}"))
    if st.session_state.get("sweep-live", False) != bool(working):
        st.session_state["sweep-live"] = bool(working)
        st.rerun()


def state(results: Results, ended: str) -> None:
    """How many runs ended how, and why some failed."""
    counts = {
        name: int((results.status == name).sum()) for name in ("finished", "diverged", "failed", "begun", "planned")
    }
    named = {"begun": "begun, not finished", "planned": "not begun"}
    parts = [f"{count:,} {named.get(name, name)}" for name, count in counts.items() if count]
    about = as_text(results.plan.description or results.plan.name)
    st.markdown(f"{about} · {len(results.plan.runs):,} runs: {', '.join(parts)}.")
    if ended not in ("", "ended"):
        st.info(as_text(f"The last start {ended if ended.startswith('was') else 'ended so: ' + ended}"))
    if results.errors:
        with st.expander(f"{len(results.errors)} failed", expanded=False):
            by_run = {run.name: run.values for run in results.plan.runs}
            rows = [
                {"run": n, **{k: words(v) for k, v in by_run[n].items()}, "error": for_page(e)}
                for n, e in results.errors.items()
            ]
            st.dataframe(rows, hide_index=True, width="stretch")


def choose(results: Results) -> tuple[Comparison, str] | None:
    """What is drawn: the quantity, two axes, and what the other axes are held at."""
    plan = results.plan
    named = {axis for axis in plan.axes if any(isinstance(run.values.get(axis), str) for run in plan.runs)}
    axes = sorted((axis for axis in plan.axes if axis != "seed"), key=lambda axis: axis in named)  # numbers first
    if len(axes) < 2:
        st.info(
            f"A heatmap needs two axes, and this sweep has {len(axes)} beside its seeds; `compare` has its numbers."
        )
        return None
    quantities = quantities_of(plan.kind)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        value = pick("Quantity", list(quantities), plan.show.get("value"), f"{plan.name}-value", spoken)
        columns = pick("Across", axes, plan.show.get("columns", axes[0]), f"{plan.name}-columns", axis_words)
        left = [axis for axis in axes if axis != columns]
        rows = pick("Upwards", left, plan.show.get("rows", left[0]), f"{plan.name}-rows", axis_words)
        what = pick("Show", list(WHAT), "mean", f"{plan.name}-what", WHAT.__getitem__)
        where = held(results, [axis for axis in left if axis != rows])
    return compare(results, rows, columns, value, where), what


def pick(label: str, options: list[str], first: str | None, key: str, named: Any) -> str:
    """One of the options; what the address or an earlier choice says, else the first."""
    index = options.index(first) if first in options else 0
    return str(st.selectbox(label, options, index=index, format_func=named, key=key))


def heading(field: str) -> str:
    """A field as a picker is named."""
    words_of = axis_words(field)
    return words_of[:1].upper() + words_of[1:]


def spoken(quantity: str) -> str:
    """A quantity's name in a list."""
    return quantity.replace("_", " ")


def held(results: Results, axes: list[str]) -> dict[str, object]:
    """The axes that are held at one value."""
    where: dict[str, object] = {}
    for axis in axes:
        values = dict.fromkeys(run.values[axis] for run in results.plan.runs if axis in run.values)
        chosen = st.selectbox(
            heading(axis), [EVERY, *values], key=f"{results.plan.name}-{axis}",
            format_func=lambda v: v if v == EVERY else words(v),
        )  # fmt: skip
        if chosen != EVERY:
            where[axis] = chosen
    return where


def heatmap(results: Results, table: Comparison, what: str) -> None:
    """The heatmaps; a click on a cell chooses it."""
    if len(table.panels) > MOST_PANELS:
        st.info(f"There are {len(table.panels)} panels, and {MOST_PANELS} are drawn; hold one of the axes at a value.")
        cells = {key: cell for key, cell in table.cells.items() if key[0] in table.panels[:MOST_PANELS]}
        table = Comparison(
            table.value, table.rows, table.columns, table.others, table.row_values, table.column_values,
            table.panels[:MOST_PANELS], cells,
        )  # fmt: skip
    key = f"sweep-map-{results.plan.name}"
    show(picture(results.plan, table, what), key, on_click=lambda clicked: choose_clicked(results, table, clicked))


def choose_clicked(results: Results, table: Comparison, clicked: object) -> None:
    """Put the pickers on the cell whose panel, row and column the browser names."""
    sizes = (len(table.panels), len(table.row_values), len(table.column_values))
    if not isinstance(clicked, list) or len(clicked) != len(sizes):
        return
    if all(isinstance(k, int) and 0 <= k < size for k, size in zip(clicked, sizes, strict=True)):
        panel, i, j = clicked
        choose_cell(results.plan.name, table, table.panels[panel], table.row_values[i], table.column_values[j])


def choose_cell(name: str, table: Comparison, panel: tuple[object, ...], row: object, column: object) -> None:
    """Put the pickers on a cell."""
    st.session_state[f"{name}-cell-panel"] = panel
    st.session_state[f"{name}-cell-{table.rows}"] = row
    st.session_state[f"{name}-cell-{table.columns}"] = column


def cell_picker(results: Results, table: Comparison) -> tuple[tuple[object, ...], object, object]:
    """A cell by its values, for those who do not click."""
    name = results.plan.name
    with st.container(horizontal=True, vertical_alignment="bottom"):
        panel = table.panels[0]
        if len(table.panels) > 1:
            panel = one_of("Panel", table.panels, f"{name}-cell-panel", lambda p: panel_words(table, p))
        row = one_of(heading(table.rows), table.row_values, f"{name}-cell-{table.rows}", words)
        column = one_of(heading(table.columns), table.column_values, f"{name}-cell-{table.columns}", words)
    return panel, row, column


def one_of(label: str, options: tuple[Any, ...], key: str, named: Any) -> Any:
    """A picker whose choice code may set; one that is no longer there is forgotten."""
    if st.session_state.get(key, options[0]) not in options:
        del st.session_state[key]
    return st.selectbox(label, options, format_func=named, key=key)


def runs_of(results: Results, cell: Cell | None) -> None:
    """The runs of a cell, each with its numbers, and a link to those that have a folder of their own."""
    if cell is None:
        st.info("No run is planned there.")
        return
    number = {run.name: k for k, run in enumerate(results.plan.runs)}
    rows = []
    for name in cell.names:
        k = number[name]
        numbers = {spoken(q): float(values[k]) for q, values in results.numbers.items()}
        address = f"runs?run={name}" if results.plan.kind == "run" else None
        rows.append(
            {"run": name, "open": address, **results.plan.runs[k].values, "status": results.status[k], **numbers}
        )
    shown = [{k: v for k, v in row.items() if v is not None} for row in rows]
    st.dataframe(
        shown, hide_index=True, width="stretch", key=f"runs-{results.plan.name}",
        column_config={"open": st.column_config.LinkColumn("open", display_text="step by step")},
    )  # fmt: skip
    for row in rows:
        if row["status"] == "failed":
            refuse(f"{row['run']}: {results.errors[str(row['run'])]}")


@st.fragment
def explore(folder: SweepFolder, results: Results) -> None:
    """The heatmaps, and what is behind the cell that is chosen."""
    try:
        chosen = choose(results)
        if chosen is None:
            return
        table, what = chosen
        heatmap(results, table, what)
        st.markdown("##### One cell, and its row")
        panel, row, column = cell_picker(results, table)
        runs_of(results, table.cells.get((panel, row, column)))
        show(row_profiles(folder, results.plan, table, panel, row), f"sweep-row-{results.plan.name}")
    except ConfigError as error:
        refuse(error)


page_style()
st.title("Sweeps")
found = list_sweeps(RUNS)
if not found:
    st.markdown(
        "No sweep was started yet. In a terminal: `python -m experiments sweep sweeps/decay_rate.toml --workers 2`"
    )
    st.stop()
names = [folder.name for folder in found]
asked = st.query_params.get("sweep", names[0])
if asked not in names:
    st.error(as_text(f"There is no sweep {shortened(asked)}; there are {', '.join(names[:10])}."))
    asked = names[0]
name = st.selectbox("Sweep", names, index=names.index(asked), key="sweep-name")
st.query_params["sweep"] = name
folder = found[names.index(name)]
try:
    results = load_results(folder)
except ConfigError as error:
    refuse(error)
    st.stop()
st.fragment(progress, run_every=1.0 if st.session_state.get("sweep-live", False) else None)(folder)
last = next(iter(sessions(folder)), None)
state(results, last.ended if last else "")
if st.session_state.get("sweep-live", False):
    st.button("Show the results so far", icon=":material/refresh:")
explore(folder, results)

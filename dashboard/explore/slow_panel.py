"""A panel that takes long: what is there is shown, what is being computed is said, and newer settings go first."""

from collections.abc import Callable, Mapping
from functools import partial
from html import escape

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from analysis.figures.picture import Picture
from analysis.figures.theme import the_cell
from dashboard.components.refusal import refuse
from dashboard.components.show import show
from dashboard.explore.panel import Panel, lines_of
from dashboard.server.computing import Computing, always
from dashboard.session import read_session
from models.cells.registry import CELLS

AT_ONCE, AGAIN = 0.3, 0.5
"""Seconds: what is there by then needs no skeleton; how often the page looks for what has come."""
FAILED = "This panel could not be computed. The server's terminal shows why."
COMPUTED = {
    "lyapunov": "the Lyapunov exponents",
    "mean-field": "what theory predicts",
    "jacobian": "the step Jacobians and their products",
    "fixed-points": "the fixed points",
    "credit": "the credit matrix",
    "attention": "the attention weights",
    "crossing": "the ways from the decoder to the encoder",
    "input": "the gradients of the inputs",
    "pixels": "the gradients of the pixels",
}
"""Beginning of a chart's name → what is computed for it."""


def show_slow_panel(panel: Panel, about: tuple[object, ...], keys: str) -> None:
    """Draw the panel's charts as they come; `about` says what they are of, `keys` is as in `show_panel`."""
    place = f"computing-{keys}"
    computing = st.session_state.get(place)
    if not isinstance(computing, Computing) or computing.about != about or computing.gave_way:
        if isinstance(computing, Computing):
            computing.supersede()
        draws = {name: draw for row in panel.rows for name, draw in row.items()}
        computing = Computing(about, draws, _is_page_open())
        st.session_state[place] = computing
    computing.wait(AT_ONCE)
    waits = not computing.is_done()
    st.fragment(partial(_show_rows, panel, computing, keys, waits), run_every=AGAIN if waits else None)()


def _is_page_open() -> Callable[[], bool]:
    """A function that says whether the page that is drawn now is still open."""
    context = get_script_run_ctx()
    if context is None or not runtime.exists():
        return always
    return partial(runtime.get_instance().is_active_session, context.session_id)


def end_computing() -> None:
    """Give up what slow panels still compute: another panel is shown."""
    for value in [*st.session_state.values()]:
        if isinstance(value, Computing) and not value.is_done():
            value.supersede()


def _show_rows(panel: Panel, computing: Computing, keys: str, waits: bool) -> None:
    is_done = computing.is_done()
    if computing.error is not None:
        refuse(FAILED)
    before = read_session(f"computed-{keys}", dict, {})
    known: dict[str, Picture] = {**before, **computing.pictures}
    for line in (line for row in panel.rows for line in lines_of(row)):
        for column, name in zip(st.columns(len(line), gap="medium"), line, strict=True):
            with column:
                failed = computing.error is not None and name not in computing.pictures
                if not failed:
                    _show_cell(name, known, computing.pictures, keys.format(name))
    st.session_state[f"computed-{keys}"] = {name: known[name] for row in panel.rows for name in row if name in known}
    if waits and is_done:
        st.rerun()  # the page no longer needs to look again


def _show_cell(name: str, known: Mapping[str, Picture], new: Mapping[str, Picture], key: str) -> None:
    """A chart that is there; else a skeleton, or the chart of the previous settings, with what is being computed."""
    if name in new:
        st.empty()
    else:
        more = " This chart still shows the previous settings." if name in known else ""
        box = "" if name in known else "<div></div>"
        st.html(f'<div class="computing" role="status"><p>Computing {escape(_what(name))} …{more}</p>{box}</div>')
    if name in known:
        show(known[name], key)


def _what(name: str) -> str:
    """What is computed for a chart: `the credit matrix of the LSTM`."""
    words = next((words for start, words in COMPUTED.items() if name.startswith(start)), "this chart")
    cell = next((cell for cell in CELLS if name.endswith(f"-{cell}")), None)
    return words if cell is None else f"{words} of {the_cell(cell)}"

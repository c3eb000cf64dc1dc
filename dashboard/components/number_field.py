"""A field for a number. One that is not allowed goes back to the last that was, and a sentence says what may be."""

import time
from collections.abc import Callable
from typing import Any

import streamlit as st

from analysis.wording import significant
from dashboard.components.as_text import as_text
from dashboard.explore.control import Slide, Whole
from dashboard.session import read_session

READING_SECONDS = 8.0
"""The sentence stays for at least so long where a page draws itself anew every second."""


def number_field(
    control: Whole | Slide,
    key: str,
    *,
    step: float | None = None,
    then: Callable[..., None] | None = None,
    args: tuple[Any, ...] = (),
) -> None:
    """Show the field of a setting whose value is in the session already.

    Streamlit's own limits are not used: it keeps the last allowed value without a word that stays, while the field
    shows the other one.

    Args:
        key: of the value in the session; None is the least value of a control that has a name for it.
        step: what a press on + adds; None is the control's own.
        then: is called when another number has come that is allowed.
    """
    if control.least and st.session_state[key] == control.lowest:
        st.session_state[key] = None  # the placeholder says what it is
    st.session_state[_drawn(key)] = st.session_state[key]
    own, written = (1, "%d") if isinstance(control, Whole) else (control.step, "%.4g")
    st.number_input(
        control.label, value=None if control.least else "min", step=step or own, format=written, key=key,
        help=control.help, placeholder=control.least or None, on_change=_take, args=(control, key, then, args),
    )  # fmt: skip
    sentence, until = read_session(_refused(key), tuple, ("", 0.0))
    if time.monotonic() < float(until):
        st.error(as_text(str(sentence)))


def _take(control: Whole | Slide, key: str, then: Callable[..., None] | None, args: tuple[Any, ...]) -> None:
    """Let the field go back from a number that is not allowed. For the widget's callback."""
    given = st.session_state[key]
    st.session_state.pop(_refused(key), None)
    try:
        control.read(given)
    except ValueError as may_be:
        sentence = f"{control.label} was {_written(given)}; it must be {may_be}."
        st.session_state[_refused(key)] = sentence, time.monotonic() + READING_SECONDS
        st.session_state[key] = st.session_state[_drawn(key)]
        return
    if then:
        then(*args)


def _written(given: float | None) -> str:
    if not given:
        return "0 or empty" if given == 0 else "empty"  # Streamlit makes 0 of an empty field
    return f"{given:,}" if isinstance(given, int) else significant(given)


def _drawn(key: str) -> str:
    return f"{key}-drawn"


def _refused(key: str) -> str:
    return f"{key}-refused"

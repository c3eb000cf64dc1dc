"""The choices on Sweeps outlive its widgets, and stand in the page's address."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard.components.address import Arrival
from dashboard.session import read_session
from dashboard.sweeps.form import forget_widgets
from dashboard.sweeps.new_settings import NEW

_NOW, _COMING = "sweeps-now", "sweeps-coming"
SWEEP = "sweep"
"""Name of the sweep in the address."""


def read_address(arrival: Arrival) -> None:
    """Take the choices of an address by which the visitor has come; without one, those of the last visit."""
    if arrival.has_come and arrival.link:
        NEW.follow({name: text for name, text in arrival.link.items() if name in NEW.controls}, {})
        forget_widgets()
    if arrival.has_come:
        st.session_state[_COMING] = dict(arrival.link or read_session(_NOW, dict, {}))
        st.session_state[_NOW] = {}


def asked_sweep() -> str:
    """The sweep that the address names, or that the last visit showed; empty where neither does."""
    return str(read_session(_COMING, dict, {}).pop(SWEEP, ""))


def note_choice(name: str, text: str) -> None:
    """Keep what a widget shows."""
    st.session_state[_NOW] = {**read_session(_NOW, dict, {}), name: text}


def begin_choices(sweep: str) -> None:
    """Forget the choices of another sweep."""
    if read_session(_NOW, dict, {}).get(SWEEP) != sweep:
        st.session_state[_NOW] = {SWEEP: sweep}


def choices() -> Mapping[str, str]:
    """The choices as the address has them, and what the form of a new sweep has."""
    now = {name: text for name, text in read_session(_NOW, dict, {}).items() if isinstance(text, str)}
    return {**now, **NEW.link({})}


def choose(
    label: str, options: Sequence[Any], key: str, name: str, named: Callable[[Any], str], first: Any = None
) -> Any:
    """A selectbox whose choice stands in the address under a name. A choice that is no longer offered is forgotten."""
    coming = read_session(_COMING, dict, {}).pop(name, None)
    asked = [option for option in options if named(option) == coming]
    if asked:
        set_choice(key, asked[0])
    elif get_choice(key, options[0]) not in options:
        del st.session_state[key]
    if key not in st.session_state and first is not None and first in options:
        set_choice(key, first)
    offered = [NOTHING if option is None else option for option in options]
    st.selectbox(label, offered, format_func=lambda o: named(None if o == NOTHING else o), key=key, width=260)
    chosen = get_choice(key, options[0])
    note_choice(name, named(chosen))
    return chosen


NOTHING = ("none",)
"""Stands for None, an axis's value such as "never": a selectbox takes that for no choice."""


def set_choice(key: str, value: object) -> None:
    """Set what a selectbox of `choose` shows."""
    st.session_state[key] = NOTHING if value is None else value


def get_choice(key: str, default: object) -> Any:
    """What a selectbox of `choose` shows."""
    value = st.session_state.get(key, default)
    return None if value == NOTHING else value

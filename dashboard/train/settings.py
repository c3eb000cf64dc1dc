"""The sidebar of Train: the settings of the runs to start, at first those of the runs that are watched."""

from collections.abc import Mapping, Sequence

import streamlit as st

from dashboard.components.as_text import as_text
from dashboard.explore.control import OneOf, Slide, Whole
from dashboard.explore.link import read_settings, write_values
from dashboard.server.checks import Value
from dashboard.session import read_session
from dashboard.train.controls import CONTROLS, DEFAULTS, apply_to, make_lanes, settings_of
from experiments.config.run_config import RunConfig
from experiments.runs.opening import config_of
from experiments.runs.store.errors import RunError
from experiments.runs.store.reader import RunReader
from models.cells.registry import CELLS
from models.networks.registry import NETWORKS

_KEPT, _OTHERS, _BASE = "train-settings", "train-others", "train-base"


def _key(name: str) -> str:
    return f"train-{name}"


def kept_values() -> dict[str, Value]:
    """The settings of the last run of the page."""
    return {**DEFAULTS, **read_session(_KEPT, dict, {})}


def set_values(values: Mapping[str, Value]) -> None:
    """Set these settings, and leave the others. For a widget's callback, or before the widgets are made."""
    st.session_state[_KEPT] = {**kept_values(), **values}
    for name, value in values.items():
        st.session_state[_key(name)] = value


def take_settings(runs: Sequence[RunReader]) -> None:
    """Let the sidebar show the settings of these runs; what it has stays where a program of its own trained them."""
    try:
        values, others = settings_of([config_of(run) for run in runs])
    except (RunError, IndexError):
        return
    st.session_state[_OTHERS], st.session_state[_BASE] = others, values
    set_values(values)


def forget_others() -> None:
    """Drop the settings of a watched run that have no control."""
    st.session_state[_OTHERS], st.session_state[_BASE] = {}, {}


def read_link(link: Mapping[str, str]) -> list[str]:
    """Set what an address says; a few words for each part that is wrong."""
    values, wrong = read_settings(link, CONTROLS)
    set_values({**DEFAULTS, **read_session(_BASE, dict, {}), **values})
    return wrong


def link_values() -> dict[str, str]:
    """The address's parameters for what differs from the watched runs' settings, or from the defaults."""
    return write_values(kept_values(), {**DEFAULTS, **read_session(_BASE, dict, {})})


def choose_lanes() -> list[RunConfig]:
    """The lanes' configurations, from the sidebar.

    Raises:
        ConfigError: the first value that is not allowed.
    """
    _prepare()
    with st.sidebar:
        _show_widgets()
    given = {name: st.session_state[_key(name)] for name in CONTROLS if _key(name) in st.session_state}
    allowed, _ = read_settings(given, CONTROLS)
    values = {**kept_values(), **allowed}
    st.session_state[_KEPT] = values
    others = read_session(_OTHERS, dict, {})
    if others:
        words = ", ".join(f"{name} {value}" for name, value in others.items())
        st.sidebar.caption(f"Also as in the watched run: {as_text(words)}.")
    return make_lanes(values, others)


def _prepare() -> None:
    """Give every widget its value before it is made: Streamlit drops it with the page."""
    for name, value in kept_values().items():
        key = _key(name)
        if key not in st.session_state or read_settings({name: st.session_state[key]}, CONTROLS)[1]:
            st.session_state[key] = value


def _show_widgets() -> None:
    task = str(_show("task"))
    if task == "translation":
        _show("reverse_source")
    cell = _show("cell")
    if len(networks := apply_to(task)) > 1:
        network = str(_show("network", networks))
        if "attention" in NETWORKS[network].takes:
            _show("attention")
    left, right = st.columns(2)
    for k, name in enumerate(("seq_len", "hidden_size", "batch_size", "steps", "optimiser", "learning_rate",
                              "clip_threshold", "seed")):  # fmt: skip
        with (left, right)[k % 2]:
            _show(name)
    for name in ("clip_rule", "initialisation", "gain", "record_every"):
        _show(name)
    if _show("second") == "cell":
        _show("second_cell", [other for other in CELLS if other != cell])


def _show(name: str, options: Sequence[str] | None = None) -> object:
    """The widget of a setting, and its value."""
    key = _key(name)
    match CONTROLS[name]:
        case OneOf() as c:
            offered = [*(options or c.options)]
            if st.session_state[key] not in offered:
                st.session_state[key] = offered[0]
            return st.selectbox(c.label, offered, format_func=c.options.__getitem__, key=key, help=c.help)
        case Whole() as c:
            step = 1000 if name == "steps" else 1
            return st.number_input(c.label, c.lowest, c.highest, step=step, key=key, help=c.help)
        case Slide() as c:
            return st.number_input(c.label, c.lowest, c.highest, step=c.step, format="%.4g", key=key, help=c.help)
        case c:
            return st.toggle(c.label, key=key, help=c.help)

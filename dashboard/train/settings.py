"""The sidebar of Train: the settings of the runs to start, at first those of the runs that are watched."""

from collections.abc import Mapping, Sequence

import streamlit as st

from dashboard.components.as_text import as_text
from dashboard.components.number_field import number_field
from dashboard.explore.control import OneOf, Slide, TextFile, Whole
from dashboard.explore.settings import OF_NETWORK, OF_SCHEDULE, settings_of_task
from dashboard.kept import Kept
from dashboard.session import read_session
from dashboard.train.controls import CONTROLS, OTHERS, apply_to, make_lanes, read_others, settings_of
from experiments.config.run_config import ConfigError, RunConfig
from experiments.runs.naming import in_words
from experiments.runs.opening import config_of
from experiments.runs.store.reader import RunReader
from models.cells.registry import CELLS
from models.networks.registry import NETWORKS

KEPT = Kept("train", CONTROLS)
_BASE = "train-base"


def take_settings(runs: Sequence[RunReader]) -> None:
    """Let the sidebar show the settings of these runs; what it has stays where it cannot show them."""
    try:
        values = settings_of([config_of(run) for run in runs])
    except (ConfigError, IndexError):  # a program of its own trained them, or with sizes beyond the page's
        return
    st.session_state[_BASE] = values
    KEPT.set(values)


def take_lanes(lanes: Sequence[RunConfig]) -> None:
    """Let the sidebar show settings that another page has. Raises ConfigError for those that it cannot show."""
    KEPT.set(settings_of(lanes))


def forget_runs() -> None:
    """Forget the runs whose settings the address starts from; the sidebar stays as it is."""
    st.session_state[_BASE] = {}


def read_link(link: Mapping[str, str]) -> list[str]:
    """Set what an address says; a few words for each part that is wrong."""
    return KEPT.follow(link, read_session(_BASE, dict, {}))


def link_values() -> dict[str, str]:
    """The address's parameters for what differs from the watched runs' settings, or from the defaults."""
    return KEPT.link(read_session(_BASE, dict, {}))


def choose_lanes() -> list[RunConfig]:
    """The lanes' configurations, from the sidebar.

    Raises:
        ConfigError: the first value that is not allowed.
    """
    KEPT.prepare()
    with st.sidebar:
        _show_widgets()
    values = KEPT.keep()
    if others := read_others(str(values[OTHERS])):
        words = ", ".join(in_words(name, value) for name, value in others.items())
        st.sidebar.caption(f"Also set: {as_text(words)}.")
        st.sidebar.button("Drop these", type="tertiary", on_click=KEPT.set, args=({OTHERS: ""},))
    lanes = make_lanes(values)
    if values["second"] != "none" and len(lanes) == 1:
        st.sidebar.caption("There is no second lane: with this change it would be the same as the first.")
    applied = settings_of_task(str(values["task"]), str(values["seq_len_schedule"]))
    if "seq_len_min" in applied and (most := lanes[0].seq_len_min) < int(str(values["seq_len_min"])):
        label = CONTROLS["seq_len_min"].label
        st.sidebar.caption(f"{label} is {most} here: a sequence length of {most} has no room for more.")
    return lanes


def _show_widgets() -> None:
    task = str(_show("task"))
    for name in settings_of_task(task, "fixed"):
        schedule = _show(name)
        if name == "seq_len_schedule":
            for other in OF_SCHEDULE[str(schedule)]:
                _show(other)
    cell = _show("cell")
    network = "sequence"
    if len(networks := apply_to(task)) > 1:
        network = str(_show("network", networks))
    for name in (name for name in OF_NETWORK[network] if name in CONTROLS):
        _show(name)
    truncation = [("truncate", "truncate_kind")] if "truncate" in NETWORKS[network].takes else []
    for pair in (("seq_len", "hidden_size"), ("batch_size", "seed"), *truncation, ("steps", "optimiser"),
                 ("learning_rate", "clip_threshold")):  # fmt: skip
        for column, name in zip(st.columns(2), pair, strict=True):
            with column:
                _show(name)
    for name in ("clip_rule", "initialisation", "gain", "record_every"):
        _show(name)
    if _show("second") == "cell":
        _show("second_cell", [other for other in CELLS if other != cell])


def _show(name: str, options: Sequence[str] | None = None) -> object:
    """The widget of a setting, and its value."""
    key = KEPT.key(name)
    match CONTROLS[name]:
        case OneOf() as c:
            offered = [*(options or c.options)]
            if st.session_state[key] not in offered:
                st.session_state[key] = offered[0]
            return st.selectbox(c.label, offered, format_func=c.in_list, key=key, help=c.help)
        case TextFile() as c:
            return st.selectbox(c.label, [*c.options], format_func=c.options.__getitem__, key=key, help=c.help)
        case Whole() | Slide() as c:
            number_field(c, key, step=1000 if name == "steps" else None)
            return st.session_state[key]
        case c:
            return st.toggle(c.label, key=key, help=c.help)

"""The sidebar of Train: the settings of the runs to start."""

from typing import Any

import streamlit as st

from analysis.figures.theme import cell_name
from dashboard.explore.control import OneOf, Slide, Switch, TextFile, Whole
from dashboard.explore.settings import CONTROLS, OF_NETWORK, OF_SCHEDULE, settings_of_task
from dashboard.option_words import INITIALISATION_WORDS, NETWORK_WORDS
from experiments.config.run_config import RunConfig
from experiments.tasks import WITH_PICTURE, WITH_SOURCE
from models.cells.registry import CELLS
from models.networks.registry import NETWORKS

SECOND = {
    "none": "none",
    "unclipped": "same, without clipping",
    "cell": "same, another cell",
    "initialisation": "same, orthogonal weights",
}
"""Second lane → its words: the first lane's settings with one change."""
START = {"task": "temporal_order", "seq_len": 30, "hidden_size": 50, "batch_size": 20}
"""Where Train's settings begin elsewhere than Explore's."""


def choose_lanes() -> list[RunConfig]:
    """The lanes' configurations, from the sidebar.

    Raises:
        ConfigError: the first value that is not allowed.
    """
    with st.sidebar:
        values = {**_choose_network(), **_choose_training()}
        second = st.selectbox("Second lane", list(SECOND), format_func=SECOND.__getitem__, index=1)
        other = (
            st.selectbox("Second cell", [c for c in CELLS if c != values["cell"]], format_func=cell_name)
            if second == "cell"
            else None
        )
    lanes = [RunConfig.from_values(values)]
    changes: dict[str, dict[str, Any]] = {
        "unclipped": {"clip_threshold": None},
        "cell": {"cell": other},
        "initialisation": {"initialisation": "orthogonal"},
    }
    if second in changes:
        lanes.append(RunConfig.from_values({**values, **changes[second]}))
    return lanes if len({lane.identity() for lane in lanes}) == len(lanes) else lanes[:1]


def _choose_network() -> dict[str, Any]:
    """The task, the network and their sizes."""
    values: dict[str, Any] = {"task": ask("task")}
    task = values["task"]
    for name in settings_of_task(task, "fixed"):
        values[name] = ask(name)
    for name in OF_SCHEDULE[values.get("seq_len_schedule", "fixed")]:
        values[name] = ask(name)
    values["cell"] = st.selectbox("Cell", list(CELLS), format_func=cell_name)
    values["network"] = "sequence"
    if task in WITH_SOURCE:
        networks = [n for n in NETWORKS if task in WITH_PICTURE or not NETWORKS[n].needs_picture]
        values["network"] = st.selectbox("Network", networks, format_func=NETWORK_WORDS.__getitem__)
    for name in OF_NETWORK[values["network"]]:
        if name in RunConfig.model_fields:
            values[name] = ask(name)
    if values.get("attention") == "none":
        values["attention"] = None
    truncation = [("truncate", "truncate_kind")] if "truncate" in NETWORKS[values["network"]].takes else []
    for pair in (("seq_len", "hidden_size"), ("batch_size", "seed"), *truncation):
        for column, name in zip(st.columns(2, vertical_alignment="bottom"), pair, strict=True):
            with column:
                values[name] = ask(name)
    if "seq_len_min" in values:
        values["seq_len_min"] = min(values["seq_len_min"], values["seq_len"])
    if truncation:
        values["truncate"] = values["truncate"] or None
    return values


def _choose_training() -> dict[str, Any]:
    """The optimiser, clipping, the initial weights, and what is recorded."""
    values: dict[str, Any] = {}
    left, right = st.columns(2)
    values["steps"] = left.number_input("Steps", 1, 1_000_000, 30_000, step=1000)
    values["optimiser"] = right.selectbox("Optimiser", ["sgd", "momentum", "adam", "rmsprop"])
    values["learning_rate"] = left.number_input("Learning rate", 1e-8, 10.0, 0.01, step=0.001, format="%.4g")
    threshold = right.number_input("Clip threshold", 0.0, 1e6, 1.0, help="0 turns clipping off.")
    values["clip_threshold"] = threshold or None
    values["clip_rule"] = ask("clip_rule")
    values["initialisation"] = st.selectbox(
        "Initial weights", ["gaussian", "default", "orthogonal"], format_func=INITIALISATION_WORDS.__getitem__
    )
    values["gain"] = st.number_input("Gaussian gain", 0.01, 10.0, 0.7)
    values["record_every"] = st.number_input(
        "Recording interval", 1, 10_000, 50, help="Optimiser steps from one recorded step to the next."
    )
    return values


def ask(name: str) -> Any:
    """The value of one of Explore's settings, from a widget with the same label, allowed values and help."""
    start = START.get(name, CONTROLS[name].default)
    match CONTROLS[name]:
        case OneOf() as c:
            options = [*c.options]
            return st.selectbox(c.label, options, options.index(start), format_func=c.in_list, help=c.help)
        case Whole() as c:
            return st.number_input(c.label, c.lowest, c.highest, start, help=c.help)
        case Slide() as c:
            return st.number_input(c.label, int(c.lowest), int(c.highest), int(start), help=c.help)
        case Switch() as c:
            return st.toggle(c.label, start, help=c.help)
        case TextFile() as c:
            return st.selectbox(c.label, [*c.options], format_func=c.options.__getitem__, help=c.help)
        case other:
            raise TypeError(f"{name} has no widget of its own, it is a {type(other).__name__}")

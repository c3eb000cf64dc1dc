"""The sidebar of Train: the settings of the runs to start."""

from typing import Any

import streamlit as st

from analysis.clipping import CLIP_RULES
from analysis.figures.theme import cell_name
from dashboard.option_words import CLIP_RULE_WORDS, INITIALISATION_WORDS, NETWORK_WORDS, TASK_WORDS
from experiments.config.run_config import RunConfig
from experiments.tasks import TASKS, WITH_PICTURE, WITH_SOURCE
from models.cells.registry import CELLS
from models.networks.attention import ATTENTIONS
from models.networks.registry import NETWORKS

SECOND = {
    "none": "none",
    "unclipped": "same, without clipping",
    "cell": "same, another cell",
    "initialisation": "same, orthogonal weights",
}
"""Second lane → its words: the first lane's settings with one change."""


def choose_lanes() -> list[RunConfig]:
    """The lanes' configurations, from the sidebar.

    Raises:
        ConfigError: the first value that is not allowed.
    """
    values: dict[str, Any] = {}
    with st.sidebar:
        values["task"] = st.selectbox("Task", list(TASKS), format_func=lambda t: TASK_WORDS.get(t, t), index=1)
        if values["task"] == "translation":
            values["reverse_source"] = st.toggle("Reverse the source")
        values["cell"] = st.selectbox("Cell", list(CELLS), format_func=cell_name)
        if values["task"] in WITH_SOURCE:
            networks = [n for n in NETWORKS if values["task"] in WITH_PICTURE or not NETWORKS[n].needs_picture]
            values["network"] = st.selectbox("Network", networks, format_func=NETWORK_WORDS.__getitem__)
            if "attention" in NETWORKS[values["network"]].takes:
                values["attention"] = st.selectbox("Attention", list(ATTENTIONS), index=None, placeholder="none")
        left, right = st.columns(2)
        values["seq_len"] = left.number_input("Sequence length", 1, 1000, 30)
        values["hidden_size"] = right.number_input("Hidden units", 1, 512, 50)
        values["batch_size"] = left.number_input("Batch size", 1, 256, 20)
        values["steps"] = right.number_input("Steps", 1, 1_000_000, 30_000, step=1000)
        values["optimiser"] = left.selectbox("Optimiser", ["sgd", "momentum", "adam", "rmsprop"])
        values["learning_rate"] = right.number_input("Learning rate", 1e-8, 10.0, 0.01, step=0.001, format="%.4g")
        threshold = left.number_input("Clip threshold", 0.0, 1e6, 1.0, help="0 turns clipping off.")
        values["clip_threshold"] = threshold or None
        values["seed"] = right.number_input("Seed", 0, 2**31, 0)
        values["clip_rule"] = st.selectbox("Clip by", list(CLIP_RULES), format_func=CLIP_RULE_WORDS.__getitem__)
        values["initialisation"] = st.selectbox(
            "Initial weights", ["gaussian", "default", "orthogonal"], format_func=INITIALISATION_WORDS.__getitem__
        )
        values["gain"] = st.number_input("Gaussian gain", 0.01, 10.0, 0.7)
        values["record_every"] = st.number_input(
            "Recording interval", 1, 10_000, 50, help="Optimiser steps from one recorded step to the next."
        )
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

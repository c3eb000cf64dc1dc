"""Everything on Explore follows from these settings: their defaults, what is allowed, and a link that has them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

import streamlit as st

from analysis.clipping import CLIP_RULES
from dashboard.server.checks import Check, Value, choice, flag, in_short, number, numbers, several, text_or_file
from dashboard.server.serving import opens_files
from experiments.config.run_config import GATE_BLOCKS, RunConfig
from experiments.tasks import TASKS
from models.cells.elman.step import NONLINEARITIES
from models.cells.registry import CELLS

LONGEST = 1000
"""Timesteps that the page goes to; longer sequences are for the command line."""

OVERLAYS = ("bound", "direct gradient", "mean-field rate", "Lyapunov rate")
PANEL_NAMES = (
    "Wave",
    "Hidden states",
    "Gates",
    "Spectrum",
    "Jacobians",
    "Lyapunov exponents",
    "Credit",
    "Paths",
    "Clipping",
    "Diagnosis",
)
TEXTS = ("hello", "pydoc")
"""Texts that everybody may name; a path of a file only where the server was started so (`serving.opens_files`)."""


@dataclass(frozen=True)
class Setting:
    """One setting: its default, and what a browser may give for it."""

    default: Value
    check: Check


def options(field: str) -> tuple[str, ...]:
    """The words that a field of `RunConfig` allows."""
    return get_args(RunConfig.model_fields[field].annotation)


INITIALISATIONS = tuple(word for word in options("initialisation") if word != "chrono")

SETTINGS: dict[str, Setting] = {
    "task": Setting("adding", choice(*TASKS)),
    "text_file": Setting("hello", text_or_file(*TEXTS, opens_files=opens_files)),
    "cells": Setting(["elman", "lstm", "gru"], several(*CELLS)),
    "loss_position": Setting("task", choice("task", "last", "every")),
    "hidden_size": Setting(64, number(1, 512, whole=True)),
    "batch_size": Setting(16, number(1, 256, whole=True)),
    "num_layers": Setting(1, number(1, 8, whole=True)),
    "seed": Setting(0, number(0, 2**31, whole=True)),
    "initialisation": Setting("default", choice(*INITIALISATIONS)),
    "spectrum_shape": Setting("kept", choice(*options("spectrum_shape"))),
    "nonlinearity": Setting("tanh", choice(*NONLINEARITIES)),
    "bidirectional": Setting(False, flag),
    "clip_rule": Setting("norm", choice(*CLIP_RULES)),
    "dtype": Setting("float32", choice(*options("dtype"))),
    "largest_singular_value": Setting(1.0, number(0, 3)),
    "clip_threshold": Setting(1.0, number(1e-3, 1e3)),
    "singular_values": Setting("", numbers(0, 3, 512)),
    "spectrum_blocks": Setting([], several(*GATE_BLOCKS)),
    "seq_len": Setting(100.0, number(1, LONGEST)),
    "forget_bias": Setting(0.0, number(-5, 8)),
    "input_scale": Setting(1.0, number(0, 10)),
    "truncate": Setting(0.0, number(0, LONGEST)),
    "overlays": Setting(["bound"], several(*OVERLAYS)),
    "panel": Setting("Wave", choice(*PANEL_NAMES)),
}


def to_link(state: Mapping[str, Value]) -> dict[str, str]:
    """Query parameters for what differs from the defaults."""
    parameters = {}
    for name, setting in SETTINGS.items():
        value = state.get(name, setting.default)
        if value != setting.default and (name != "text_file" or value in TEXTS):
            parameters[name] = ",".join(value) if isinstance(value, list) else str(value)
    return parameters


def check(values: Mapping[str, object]) -> tuple[dict[str, Value], list[str]]:
    """What is allowed of the settings that a browser sends, as the page uses it; and a few words for each that is not.

    The one check of all: of a link's texts, of a socket's JSON and of what widgets say.
    """
    allowed: dict[str, Value] = {}
    wrong: list[str] = []
    for name, value in values.items():
        if name not in SETTINGS:
            wrong.append(f"{in_short(name)} is not a setting")
            continue
        try:
            allowed[name] = SETTINGS[name].check(value)
        except ValueError as may_be:
            wrong.append(f"{name} was {in_short(value)}, allowed is {may_be}")
    return allowed, wrong


KEPT = "explore-settings"
LONGEST_WORDS = 30
"""Letters of a value in a sentence."""


def defaults() -> dict[str, Value]:
    """Every setting at its default."""
    return {name: setting.default for name, setting in SETTINGS.items()}


def prepare(link: Mapping[str, str]) -> list[str]:
    """Give every setting an allowed value before its widget is made; a few words for each that was refused.

    The link counts on the first run. Streamlit drops a widget's value with its page; a copy of all outlives it.
    """
    wrong: list[str] = []
    if KEPT not in st.session_state:
        values, wrong = check(link)
        st.session_state[KEPT] = defaults() | values
    for name in SETTINGS:
        refused = check({name: st.session_state[name]})[1] if name in st.session_state else []
        if name not in st.session_state or refused:
            st.session_state[name] = st.session_state[KEPT][name]
        wrong += refused
    return wrong


def keep() -> tuple[dict[str, Value], list[str]]:
    """Copy all settings for the next visit of the page; return them, and a few words for each that was refused.

    What is refused, and what has no widget just now, keeps its last value.
    """
    kept = defaults() | st.session_state.get(KEPT, {})
    given = {name: st.session_state[name] for name in SETTINGS if name in st.session_state}
    allowed, wrong = check(given)
    kept |= allowed
    for name in kept.keys() - given.keys():
        st.session_state[name] = kept[name]
    st.session_state[KEPT] = kept
    return dict(kept), wrong


def differences(before: Mapping[str, Value], after: Mapping[str, Value]) -> list[str]:
    """What changed from one state to another, in words; what only chooses a view is left out."""
    said = []
    for name in SETTINGS:
        if name not in ("panel", "overlays") and before.get(name) != after.get(name):
            said.append(f"{name} {in_words(before.get(name))} → {in_words(after.get(name))}")
    return said


def in_words(value: Value) -> str:
    """A setting's value as people write it."""
    if isinstance(value, float):
        return f"{value:.4g}"
    text = ", ".join(value) if isinstance(value, list) else str(value)
    return (text if len(text) < LONGEST_WORDS else f"{text[:LONGEST_WORDS]}…") or "none"


SPECTRUM_REVISION = "spectrum-revision"
"""Counts how often code has set the spectrum; see `drag_spectrum`."""


def apply(values: Mapping[str, Value]) -> None:
    """Set all settings: these, and the defaults of all others. For a button's callback."""
    st.session_state[SPECTRUM_REVISION] = st.session_state.get(SPECTRUM_REVISION, 0) + 1
    for name, setting in SETTINGS.items():
        st.session_state[name] = values.get(name, setting.default)

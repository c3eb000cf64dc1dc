"""Everything on Explore follows from these settings: their defaults, what is allowed, and a link that has them."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import get_args

import streamlit as st

from analysis.clipping import CLIP_RULES
from experiments.config import GATE_BLOCKS, RunConfig
from experiments.tasks import TASKS
from models.elman import NONLINEARITIES
from models.registry import CELLS

Value = object

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
"""Texts that a link may name. A file of the server's is for the person at its keyboard only."""


@dataclass(frozen=True)
class Setting:
    """One setting: its default, and how text from a link becomes a value (a ValueError says what is allowed)."""

    default: Value
    read: Callable[[str], Value]


def choice(*allowed: str) -> Callable[[str], Value]:
    """One of these words."""

    def read(text: str) -> Value:
        if text not in allowed:
            raise ValueError(f"one of {', '.join(allowed)}")
        return text

    return read


def several(*allowed: str) -> Callable[[str], Value]:
    """Any of these words, separated by commas."""

    def read(text: str) -> Value:
        words = [word for word in text.split(",") if word]
        if len(set(words)) < len(words) or not set(words) <= set(allowed):
            raise ValueError(f"some of {', '.join(allowed)}")
        return words

    return read


def number(lowest: float, highest: float, whole: bool = False) -> Callable[[str], Value]:
    """A finite number in a range."""

    def read(text: str) -> Value:
        words = f"a {'whole ' if whole else ''}number from {lowest:g} to {highest:g}"
        try:
            value = float(text)
        except ValueError:
            raise ValueError(words) from None
        if not math.isfinite(value) or not lowest <= value <= highest or (whole and value != int(value)):
            raise ValueError(words)
        return int(value) if whole else value

    return read


def numbers(lowest: float, highest: float, most: int) -> Callable[[str], Value]:
    """Numbers in a range with commas between them, in one spelling; an empty text for none."""
    one = number(lowest, highest)

    def read(text: str) -> Value:
        if not text:
            return ""
        if text.count(",") >= most:
            raise ValueError(f"at most {most} numbers")
        return ",".join(f"{one(part):g}" for part in text.split(","))

    return read


def options(field: str) -> tuple[str, ...]:
    """The words that a field of `RunConfig` allows."""
    return get_args(RunConfig.model_fields[field].annotation)


def flag(text: str) -> Value:
    """`True` or `False`."""
    if text not in ("True", "False"):
        raise ValueError("True or False")
    return text == "True"


INITIALISATIONS = tuple(word for word in options("initialisation") if word != "chrono")

SETTINGS: dict[str, Setting] = {
    "task": Setting("adding", choice(*TASKS)),
    "text_file": Setting("hello", choice(*TEXTS)),
    "cells": Setting(list(CELLS), several(*CELLS)),
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


def from_link(parameters: Mapping[str, str]) -> tuple[dict[str, Value], list[str]]:
    """What is valid of a link, and a few words for each part that is not."""
    values: dict[str, Value] = {}
    wrong: list[str] = []
    for name, text in parameters.items():
        if name not in SETTINGS:
            wrong.append(f"{name[:40]!r} is not a setting")
            continue
        try:
            values[name] = SETTINGS[name].read(text)
        except ValueError as allowed:
            wrong.append(f"{name} was {text[:40]!r}, allowed is {allowed}")
    return values, wrong


def from_json(values: Mapping[str, object]) -> tuple[dict[str, Value], list[str]]:
    """All settings, with those that JSON of any kind gives; and a few words for each part that is not allowed."""
    texts = {name: ",".join(map(str, v)) if isinstance(v, list) else str(v) for name, v in values.items()}
    state, wrong = from_link(texts)
    return {name: state.get(name, setting.default) for name, setting in SETTINGS.items()}, wrong


KEPT = "explore-settings"
LONGEST_WORDS = 30
"""Letters of a value in a sentence."""


def prepare(link: Mapping[str, str]) -> list[str]:
    """Give every setting its value before its widget is made; what was wrong with the link, on the first run.

    Streamlit drops a widget's value with its page; a copy of all outlives it.
    """
    wrong: list[str] = []
    if KEPT not in st.session_state:
        values, wrong = from_link(link)
        st.session_state[KEPT] = values
    for name, setting in SETTINGS.items():
        if name not in st.session_state:
            st.session_state[name] = st.session_state[KEPT].get(name, setting.default)
    return wrong


def keep() -> dict[str, Value]:
    """Copy all settings for the next visit of the page, and return them.

    What has no widget just now, since a refused setting or no cell leaves nothing to show, keeps its last value.
    """
    kept = {name: setting.default for name, setting in SETTINGS.items()} | st.session_state.get(KEPT, {})
    for name in SETTINGS:
        if name in st.session_state:
            kept[name] = st.session_state[name]
        else:
            st.session_state[name] = kept[name]
    st.session_state[KEPT] = kept
    return dict(kept)


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

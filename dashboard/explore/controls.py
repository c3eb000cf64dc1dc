"""What a person can set on Explore: coarse settings in the sidebar, live ones under the hand."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from analysis.clipping import CLIP_RULES
from analysis.figures.theme import cell_name
from dashboard.components.live_slider import live_slider
from dashboard.explore.state import INITIALISATIONS, LONGEST, SETTINGS, TEXTS
from dashboard.server.checks import Value
from dashboard.server.serving import FILES_VARIABLE, opens_files
from experiments.config.run_config import RunConfig
from experiments.tasks import TASKS
from models.cells.elman.step import NONLINEARITIES
from models.cells.registry import CELLS

TASK_WORDS = {
    "adding": "Adding: sum two marked numbers",
    "temporal_order": "Temporal order: which came first?",
    "copying": "Copying: repeat ten symbols",
    "next_character": "Next character of a text",
}
POSITION_WORDS = {"task": "task default", "last": "last step only", "every": "every step"}
RULE_WORDS = {
    "norm": "by the norm of all",
    "value": "by each value",
    "per_parameter": "by each parameter's norm",
    "squared_norm": "a slide's squared norm",
}
INITIALISATION_WORDS = {
    "default": "torch's default (uniform)",
    "orthogonal": "orthogonal",
    "gaussian": "Gaussian",
    "identity": "identity",
}


def sidebar() -> None:
    """The coarse settings."""
    with st.sidebar:
        st.selectbox("Task", list(TASKS), format_func=lambda t: TASK_WORDS.get(t, t), key="task")
        if st.session_state["task"] == "next_character":
            text_choice()
        st.pills("Cells", list(CELLS), selection_mode="multi", format_func=cell_name, key="cells")
        st.selectbox("Loss at", list(POSITION_WORDS), format_func=POSITION_WORDS.__getitem__, key="loss_position")
        left, right = st.columns(2)
        left.number_input("Hidden units", 1, 512, key="hidden_size")
        right.number_input("Batch", 1, 256, key="batch_size")
        left.number_input("Layers", 1, 8, key="num_layers")
        right.number_input("Seed", 0, 2**31, key="seed")
        st.selectbox(
            "Initial weights", INITIALISATIONS, format_func=INITIALISATION_WORDS.__getitem__,
            key="initialisation",
            help="Then every recurrent block is scaled to the largest singular value that you drag.",
        )  # fmt: skip
        st.selectbox("Elman's nonlinearity", list(NONLINEARITIES), key="nonlinearity")
        st.toggle("Bidirectional", key="bidirectional")
        st.selectbox("Clipping", list(CLIP_RULES), format_func=RULE_WORDS.__getitem__, key="clip_rule")
        st.selectbox("Numbers", ["float32", "float64"], key="dtype")


def text_choice() -> None:
    """Which text; a file of this machine's only where the server was started so."""
    if opens_files():
        st.text_input("Text", key="text_file", help="hello, pydoc (Python's help topics), or a text file's path.")
        return
    words = f"To use text files of your own, start the app with `{FILES_VARIABLE}=1`, on a machine that only you use."
    st.selectbox("Text", TEXTS, key="text_file", help=words)


def under_the_hand() -> None:
    """The live settings: they follow the pointer while it drags."""
    for columns, sliders in ((st.columns(3, gap="medium"), UPPER), (st.columns(3, gap="medium"), LOWER)):
        for column, (label, key, arguments) in zip(columns, sliders, strict=True):
            with column:
                live_slider(label, key=key, value=first(key), **arguments)


def first(key: str) -> float:
    """A slider's default."""
    value = SETTINGS[key].default
    assert isinstance(value, float)
    return value


UPPER: tuple[tuple[str, str, dict[str, Any]], ...] = (
    (
        "Singular value",
        "largest_singular_value",
        {
            "minimum": 0.0,
            "maximum": 3.0,
            "step": 0.01,
            "help": "The largest singular value: each recurrent block is scaled to it. "
            "Below 1 a tanh network must vanish; above 1 it may explode.",
        },
    ),
    (
        "Sequence length",
        "seq_len",
        {"minimum": 1, "maximum": LONGEST, "step": 1, "help": "Timesteps T: how far back the first input lies."},
    ),
    (
        "Keep-gate bias",
        "forget_bias",
        {
            "minimum": -5.0,
            "maximum": 8.0,
            "step": 0.1,
            "help": "Bias of the gate that keeps the state: the LSTM's forget gate f, the GRU's update gate z.",
        },
    ),
)
LOWER: tuple[tuple[str, str, dict[str, Any]], ...] = (
    (
        "Clip threshold",
        "clip_threshold",
        {
            "minimum": 1e-3,
            "maximum": 1e3,
            "step": 0.05,
            "logarithmic": True,
            "help": "Gradients with a larger norm are scaled down to it.",
        },
    ),
    (
        "Input scale",
        "input_scale",
        {"minimum": 0.0, "maximum": 10.0, "step": 0.1, "help": "Factor on the input weights: large inputs saturate."},
    ),
    (
        "Truncate after",
        "truncate",
        {
            "minimum": 0,
            "maximum": LONGEST,
            "step": 1,
            "help": "Truncated BPTT: the gradient stops after so many steps; 0 lets it run to the first input.",
        },
    ),
)


def run_values(state: Mapping[str, Value]) -> dict[str, object]:
    """The page's settings as `RunConfig` values."""
    fields = {name: value for name, value in state.items() if name not in ("cells", "panel", "overlays")}
    seq_len, truncate = state["seq_len"], state["truncate"]
    assert isinstance(seq_len, float)
    assert isinstance(truncate, float)
    position = None if state["loss_position"] == "task" else state["loss_position"]
    whole = {"seq_len": int(seq_len), "truncate": int(truncate) or None}
    blocks, units = state["spectrum_blocks"], state["hidden_size"]
    assert isinstance(blocks, list)
    assert isinstance(units, int)
    spectrum = {
        "singular_values": resampled(str(state["singular_values"]), units),
        "spectrum_blocks": ",".join(blocks) or None,
    }
    return {**fields, **whole, **spectrum, "loss_position": position, "cell": state["cells"]}


def resampled(values: str, units: int) -> str | None:
    """Singular values that were set for some number of units, for another: the same curve over the rank."""
    if not values:
        return None
    before = [float(text) for text in values.split(",")]
    if len(before) == units:
        return values
    at = np.linspace(0, len(before) - 1, units)
    return ",".join(f"{value:g}" for value in np.interp(at, np.arange(len(before)), before))


def page_values(settings: Mapping[str, object]) -> dict[str, Value]:
    """Some `RunConfig` values, a remedy's, as the page's settings."""
    none: dict[str, Value] = {"truncate": 0.0, "loss_position": "task", "singular_values": "", "spectrum_blocks": []}
    values = {name: none[name] if value is None else value for name, value in settings.items()}
    slides = {key: (arguments["minimum"], arguments["maximum"]) for _, key, arguments in (*UPPER, *LOWER)}
    for name, (lowest, highest) in slides.items():
        if isinstance(number := values.get(name), int | float):
            values[name] = float(min(max(number, lowest), highest))
    return values


def configs(values: dict[str, object]) -> list[RunConfig]:
    """One validated configuration a chosen cell.

    Raises:
        ConfigError: the first value that is not allowed.
    """
    cells = values["cell"]
    assert isinstance(cells, list)
    return [RunConfig.from_values({**values, "cell": cell}) for cell in cells]

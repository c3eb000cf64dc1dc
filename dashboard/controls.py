"""What a person can set on Explore: coarse settings in the sidebar, live ones under the hand."""

import streamlit as st

from analysis.clipping import CLIP_RULES
from dashboard.components.live_slider import live_slider
from experiments.config import RunConfig
from experiments.tasks import TASKS
from models.elman import NONLINEARITIES
from models.registry import CELLS

TASK_WORDS = {
    "adding": "Adding: sum two marked numbers",
    "temporal_order": "Temporal order: which came first?",
    "copying": "Copying: repeat ten symbols",
    "next_character": "Next character of a text",
}
POSITION_WORDS = {None: "as the task has it", "last": "last step only", "every": "every step"}
SHAPE_WORDS = {
    "kept": "as drawn, scaled",
    "equal": "all equal (orthogonal)",
    "gaussian": "of a Gaussian matrix",
    "linear": "in a line down to 0",
    "outlier": "one outlier, others 1",
}
RULE_WORDS = {
    "norm": "by the norm of all",
    "value": "by each value",
    "per_parameter": "by each parameter's norm",
    "squared_norm": "a slide's squared norm",
}
NAMES = {"elman": "Elman", "lstm": "LSTM", "gru": "GRU"}
LONGEST = 1000
"""Timesteps that the slider reaches; longer sequences are for the command line."""


def sidebar() -> dict[str, object]:
    """The coarse settings as `RunConfig` values, `cell` as a list."""
    with st.sidebar:
        task = st.selectbox("Task", list(TASKS), format_func=lambda t: TASK_WORDS.get(t, t), key="task")
        values: dict[str, object] = {"task": task}
        if task == "next_character":
            values["text_file"] = st.text_input(
                "Text", "hello", key="text_file", help="hello, pydoc (Python's help topics), or a text file's path."
            )
        values["cell"] = st.pills(
            "Cells", list(CELLS), selection_mode="multi", default=list(CELLS), key="cells",
            format_func=lambda c: NAMES.get(c, c),
        )  # fmt: skip
        values["loss_position"] = st.selectbox(
            "The loss sits at", list(POSITION_WORDS), format_func=POSITION_WORDS.__getitem__, key="loss_position"
        )
        left, right = st.columns(2)
        values["hidden_size"] = left.number_input("Hidden units", 1, 512, 64, key="hidden_size")
        values["batch_size"] = right.number_input("Batch", 1, 256, 16, key="batch_size")
        values["num_layers"] = left.number_input("Layers", 1, 8, 1, key="num_layers")
        values["seed"] = right.number_input("Seed", 0, 2**31, 0, key="seed")
        values["initialisation"] = st.selectbox(
            "Recurrent weights begin", ["default", "orthogonal", "gaussian", "identity"], key="initialisation",
            format_func={"default": "torch's default (uniform)", "orthogonal": "orthogonal", "gaussian": "Gaussian",
                         "identity": "identity"}.__getitem__,
            help="Then every recurrent block is scaled to the largest singular value that you drag.",
        )  # fmt: skip
        values["spectrum_shape"] = st.selectbox(
            "Singular values", list(SHAPE_WORDS), format_func=SHAPE_WORDS.__getitem__, key="spectrum_shape",
            help="Replaces the singular values of every recurrent block and keeps its singular vectors.",
        )  # fmt: skip
        values["nonlinearity"] = st.selectbox("Elman's nonlinearity", list(NONLINEARITIES), key="nonlinearity")
        values["bidirectional"] = st.toggle("Bidirectional", key="bidirectional")
        values["clip_rule"] = st.selectbox(
            "Clipping", list(CLIP_RULES), format_func=RULE_WORDS.__getitem__, key="clip_rule"
        )
        values["dtype"] = st.selectbox("Numbers", ["float32", "float64"], key="dtype")
    return values


def under_the_hand() -> dict[str, object]:
    """The live settings as `RunConfig` values; they follow the pointer while it drags."""
    columns = st.columns(4, gap="medium")
    with columns[0]:
        largest = live_slider(
            "Singular value", minimum=0.0, maximum=3.0, value=1.0, step=0.01, key="largest_singular_value",
            help="The largest singular value: each recurrent block is scaled to it. "
            "Below 1 a tanh network must vanish; above 1 it may explode.",
        )  # fmt: skip
    with columns[1]:
        threshold = live_slider(
            "Clip threshold", minimum=1e-3, maximum=1e3, value=1.0, step=0.05, logarithmic=True, key="clip_threshold",
            help="Gradients with a larger norm are scaled down to it.",
        )  # fmt: skip
    with columns[2]:
        seq_len = live_slider(
            "Sequence length", minimum=1, maximum=LONGEST, value=100, step=1, key="seq_len",
            help="Timesteps T: how far back the first input lies.",
        )  # fmt: skip
    with columns[3]:
        bias = live_slider(
            "Keep-gate bias", minimum=-5.0, maximum=8.0, value=0.0, step=0.1, key="forget_bias",
            help="Bias of the gate that keeps the state: the LSTM's forget gate f, the GRU's update gate z.",
        )  # fmt: skip
    return {
        "largest_singular_value": largest,
        "clip_threshold": threshold,
        "seq_len": int(seq_len),
        "forget_bias": bias,
    }


def configs(values: dict[str, object]) -> list[RunConfig]:
    """One validated configuration a chosen cell.

    Raises:
        ConfigError: the first value that is not allowed.
    """
    cells = values["cell"]
    assert isinstance(cells, list)
    return [RunConfig.from_values({**values, "cell": cell}) for cell in cells]

"""The widgets of Explore's settings: coarse ones in the sidebar, live ones under the hand."""

import streamlit as st

from dashboard.components.live_slider import live_slider
from dashboard.explore.control import OneOf, SomeOf, Switch, TextFile, Whole
from dashboard.explore.settings import CONTROLS, slide_of
from dashboard.server.serving import FILES_VARIABLE, opens_files
from dashboard.session import read_session

DRAGGED = (
    ("largest_singular_value", "seq_len", "forget_bias"),
    ("clip_threshold", "input_scale", "truncate"),
)
"""Rows of sliders."""


def show_sidebar() -> None:
    """The coarse settings."""
    with st.sidebar:
        show_widget("task")
        if read_session("task", str, "") == "next_character":
            show_widget("text_file")
        show_widget("cells")
        show_widget("loss_position")
        left, right = st.columns(2)
        with left:
            show_widget("hidden_size")
            show_widget("num_layers")
        with right:
            show_widget("batch_size")
            show_widget("seed")
        for name in ("initialisation", "nonlinearity", "bidirectional", "truncate_kind", "clip_rule", "dtype"):
            show_widget(name)


def show_sliders() -> None:
    """The live settings: they follow the pointer while it drags."""
    for row in DRAGGED:
        for column, name in zip(st.columns(len(row), gap="medium"), row, strict=True):
            with column:
                _show_slider(name)


def show_widget(name: str) -> None:
    """The widget of a setting whose value comes when the hand lets go."""
    match CONTROLS[name]:
        case OneOf() as c:
            st.selectbox(c.label, [*c.options], format_func=c.options.__getitem__, key=name, help=c.help)
        case SomeOf() as c:
            words = c.options.__getitem__
            st.pills(c.label, [*c.options], selection_mode="multi", format_func=words, key=name, help=c.help)
        case Whole() as c:
            st.number_input(c.label, c.lowest, c.highest, key=name, help=c.help)
        case Switch() as c:
            st.toggle(c.label, key=name, help=c.help)
        case TextFile() as c:
            _show_text_choice(c, name)
        case other:
            raise TypeError(f"{name} has no widget of its own, it is a {type(other).__name__}")


def _show_text_choice(control: TextFile, name: str) -> None:
    """Which text; a file of this machine only where the server opens files."""
    if opens_files():
        st.text_input(control.label, key=name, help=f"{', '.join(control.options)}, or the path of a text file.")
        return
    files = f"Your own text files can be used only when the app runs on your machine with `{FILES_VARIABLE}=1`."
    st.selectbox(control.label, [*control.options], format_func=control.options.__getitem__, key=name, help=files)


def _show_slider(name: str) -> None:
    """The slider of a setting that is dragged."""
    c = slide_of(name)
    live_slider(
        c.label, key=name, value=c.default, minimum=c.lowest, maximum=c.highest, step=c.step,
        logarithmic=c.logarithmic, help=c.help,
    )  # fmt: skip

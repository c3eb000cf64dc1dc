"""The widgets of Explore's settings: coarse ones in the sidebar, live ones under the hand."""

from collections.abc import Iterable, Mapping
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from analysis.figures.theme import cell_name
from dashboard.components.live_slider import live_slider
from dashboard.components.number_field import number_field
from dashboard.components.one_screen import SLIDERS
from dashboard.explore.control import Control, OneOf, Slide, SomeOf, Switch, TextFile, Whole
from dashboard.explore.given_network import show_fixed, show_layer, show_step, show_upload
from dashboard.explore.networks import OpenedNetwork, controls_of
from dashboard.explore.settings import CONTROLS, NOISE, OF_NETWORK, settings_of_task, slide_in
from dashboard.server.serving import FILES_VARIABLE, opens_files
from dashboard.session import read_session
from models.cells.registry import CELLS

DRAGGED = (
    ("largest_singular_value", "seq_len", "forget_bias"),
    ("clip_threshold", "input_scale", "truncate"),
)
"""Rows of sliders."""


def show_settings(opened: OpenedNetwork | None, sidebar: DeltaGenerator) -> None:
    """The coarse settings: of networks that the page draws, or of the one that is opened."""
    with sidebar:
        with st.expander("Open your own network", icon=":material/upload_file:"):
            show_upload()
        _choose_drawn() if opened is None else _choose_over(opened)


def _choose_over(opened: OpenedNetwork) -> None:
    """The settings that apply to a network with weights of its own."""
    show_step(opened)
    show_layer(opened)
    show_widget("inputs", opened.controls)
    if read_session("inputs", str, "") != NOISE:
        _show_all(settings_of_task(read_session("inputs", str, ""), read_session("seq_len_schedule", str, "")))
    show_widget("loss_position")
    left, right = st.columns(2)
    with left:
        show_widget("batch_size")
    with right:
        show_widget("seed")
    _show_all(("truncate_kind", "clip_rule", "dtype"))
    show_fixed(opened)


def _choose_drawn() -> None:
    """The settings of networks that the page draws."""
    show_widget("task")
    _show_all(settings_of_task(read_session("task", str, ""), read_session("seq_len_schedule", str, "")))
    show_widget("cells")
    show_widget("network")
    _show_all(OF_NETWORK.get(read_session("network", str, ""), ()))
    show_widget("loss_position")
    left, right = st.columns(2)
    with left:
        show_widget("hidden_size")
        show_widget("num_layers")
    with right:
        show_widget("batch_size")
        show_widget("seed")
    _show_all(("initialisation", "nonlinearity", "bidirectional", "truncate_kind", "clip_rule", "dtype"))


def _show_all(names: Iterable[str]) -> None:
    for name in names:
        show_widget(name)


def show_sliders(opened: OpenedNetwork | None) -> None:
    """The live settings: they follow the pointer while it drags. A sentence stands for one that cannot apply."""
    refused = {} if opened is None else why_not(opened)
    with st.container(key=SLIDERS):
        for row in DRAGGED:
            for column, name in zip(st.columns(len(row), gap="medium"), row, strict=True):
                with column:
                    if name in refused:
                        st.caption(f"{CONTROLS[name].label}: {refused[name]}")
                    else:
                        _show_slider(slide_in(controls_of(opened), name), name)


def why_not(opened: OpenedNetwork) -> dict[str, str]:
    """The dragged settings that cannot apply to a network, each with its reason."""
    words = CELLS[opened.network.cell].words
    refused = {}
    if not opened.has_matrix:
        refused["largest_singular_value"] = words.no_spectrum
    if not opened.has_keep_gate:
        refused["forget_bias"] = f"The cell {cell_name(opened.network.cell)} has no gate that keeps its state."
    return refused


def show_widget(name: str, controls: Mapping[str, Control[Any]] = CONTROLS) -> None:
    """The widget of a setting whose value comes when the hand lets go."""
    match controls[name]:
        case OneOf() as c:
            st.selectbox(c.label, [*c.options], format_func=c.in_list, key=name, help=c.help)
        case SomeOf() as c:
            words = c.options.__getitem__
            st.pills(c.label, [*c.options], selection_mode="multi", format_func=words, key=name, help=c.help)
        case Whole() as c:
            number_field(c, name)
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


def _show_slider(c: Slide, name: str) -> None:
    """The slider of a setting that is dragged."""
    live_slider(
        c.label, key=name, value=c.default, minimum=c.lowest, maximum=c.highest, step=c.step,
        logarithmic=c.logarithmic, help=c.help, least=c.least, most=c.most,
    )  # fmt: skip

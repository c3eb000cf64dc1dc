"""Which layer and direction the charts are of: chosen where a network has several, and said beside each chart."""

from dataclasses import replace

import streamlit as st

from analysis.figures.picture import Picture
from dashboard.explore.panel import Panel, Passes
from dashboard.frame import Draw

OF_ALL_LAYERS = ("Wave", "Inputs", "Clipping")
"""Panels that are about the whole network."""
DIRECTIONS = ("forwards", "backwards")
TOP = 0
"""Stands for the top layer, however many there are."""


def choose_layer(count: int, directions: int, layer_key: str, direction_key: str) -> tuple[int, bool]:
    """The widgets of the layer and the direction, for a network that has several; what is chosen, as `of_layer` has it.

    The value of a layer that the network does not have becomes that of the top layer.
    """
    if count == 1 and directions == 1:
        return TOP, False
    with st.container(horizontal=True, vertical_alignment="center", key="lab-layer"):
        if count > 1:
            if st.session_state.get(layer_key) not in range(1, count):
                st.session_state[layer_key] = TOP
            st.segmented_control(
                "Layer shown", [*range(1, count), TOP], key=layer_key, required=True,
                format_func=lambda number: str(number) if number != TOP else f"{count} (top)",
            )  # fmt: skip
        if directions == 2:
            st.segmented_control("Direction shown", DIRECTIONS, key=direction_key, required=True)
    chosen = st.session_state.get(layer_key) if count > 1 else TOP
    backwards = directions == 2 and st.session_state.get(direction_key) == DIRECTIONS[1]
    return chosen if isinstance(chosen, int) else TOP, backwards


def in_words(picture: Picture, words: str) -> Picture:
    """The picture with these words about its layer in its sentence and its description; none changes nothing."""
    if not words:
        return picture
    sentence = f"{words[0].upper()}{words[1:]}."
    return replace(picture, sentence=f"{sentence} {picture.sentence}", alt=f"{sentence} {picture.alt}")


def say_layer(view: Passes, draw: Draw) -> Draw:
    """The same picture with its layer and direction in its words, where the network has several."""
    words = next(iter(view.probes.values())).layer_words
    return (lambda: in_words(draw(), words)) if words else draw


def of_layer(view: Passes, name: str, panel: Panel) -> Panel:
    """The panel of this name with the layer in the words of each chart that is about one."""
    if name in OF_ALL_LAYERS:
        return panel
    rows = tuple({key: say_layer(view, draw) for key, draw in row.items()} for row in panel.rows)
    return replace(panel, rows=rows)

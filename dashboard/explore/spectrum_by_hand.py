"""The spectrum of the recurrent matrices: shapes as buttons, single values to drag."""

from dataclasses import replace
from typing import Literal

import streamlit as st

from analysis.figures.theme import cell_name
from dashboard.components.drag_spectrum import drag_spectrum
from dashboard.explore.control import SomeOf
from dashboard.explore.session import SPECTRUM_REVISION, change_settings
from dashboard.explore.settings import CONTROLS, LARGEST_SINGULAR_VALUE, MOST_UNITS, SHAPES
from dashboard.explore.view import View
from dashboard.explore.widgets import show_widget
from models.cells.registry import CELLS


def show_spectrum(view: View) -> None:
    """Buttons and the draggable spectrum; both change the page's settings."""
    _shape_buttons(view)
    with_matrix = {cell: result for cell, result in view.probes.items() if result.spectra}
    if not with_matrix:
        return
    cell, result = next(iter(with_matrix.items()))
    name, spectrum = next((n, s) for n, s in result.spectra.items() if n in _blocks_to_change(view, cell))
    values = [float(f"{v:.4g}") for v in _read_values_set_by_hand(view) or spectrum.singular_values.tolist()]
    if len(values) > MOST_UNITS:
        st.caption(f"Single values can be dragged in networks of up to {MOST_UNITS} units.")
        return
    where = cell_name(cell) if len(result.spectra) == 1 else f"{cell_name(cell)}, gate {name}"
    drag_spectrum(
        f"Singular values of {where}", values, key="drag-spectrum", values_key="singular_values",
        largest_key="largest_singular_value", highest=_highest(view), on_change=_keep_values,
        revision_key=SPECTRUM_REVISION,
    )  # fmt: skip
    st.caption(
        "Drag a point or type its value. The matrix keeps its singular vectors. "
        "All recurrent blocks get these values. The slider *Largest singular value* scales all of them."
    )
    if any(len(result.spectra) > 1 for result in with_matrix.values()):
        show_widget("spectrum_blocks", {"spectrum_blocks": _gates_to_choose(view)})


def _gates_to_choose(view: View) -> SomeOf:
    """The setting's gates of the cells that are drawn, and those that are chosen already."""
    every = CONTROLS["spectrum_blocks"]
    assert isinstance(every, SomeOf)
    drawn = {block for cell in view.probes for block in CELLS[cell].recurrent_blocks}
    wanted = drawn.union(view.settings.spectrum_blocks)
    return replace(every, options={block: words for block, words in every.options.items() if block in wanted})


def _highest(view: View) -> float:
    """The largest singular value that is allowed."""
    return LARGEST_SINGULAR_VALUE if view.network is None else view.network.highest_norm


def _shape_buttons(view: View) -> None:
    by_hand = bool(view.settings.singular_values)
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        kept = {} if view.network is None else {"kept": "As it was found"}
        for shape, words in (SHAPES | kept).items():
            chosen = not by_hand and view.settings.spectrum_shape == shape
            kind: Literal["secondary", "tertiary"] = "secondary" if chosen else "tertiary"
            st.button(words, key=f"shape-{shape}", type=kind, on_click=_take_shape, args=(shape,))
        if by_hand:
            st.markdown("**Set by hand**")


def _blocks_to_change(view: View, cell: str) -> tuple[str, ...]:
    """The blocks of a cell that the settings act on; all where those are no gates of its."""
    chosen = view.settings.spectrum_blocks
    blocks = CELLS[cell].recurrent_blocks
    return tuple(block for block in blocks if block in chosen) or blocks


def _read_values_set_by_hand(view: View) -> list[float]:
    """The values that were set by hand, as large as they are now; none where there are none."""
    config = next(iter(view.probes.values())).experiment.config
    if config.singular_values is None:
        return []
    values = [float(text) for text in config.singular_values.split(",")]
    factor = (config.largest_singular_value or 0.0) / max(values) if max(values) > 0 else 1.0
    return [value * factor for value in values]


def _take_shape(shape: str) -> None:
    """Give the matrices a shape, and forget what was set by hand."""
    change_settings({"spectrum_shape": shape, "singular_values": ""})


def _keep_values(values: list[float]) -> None:
    """Keep what the hand has set; the slider stands at the largest."""
    st.session_state["singular_values"] = ",".join(f"{value:g}" for value in values)
    st.session_state["largest_singular_value"] = max(values)

"""The spectrum of the recurrent matrices under the hand: shapes as buttons, and every singular value by itself."""

import streamlit as st

from analysis.figures.theme import cell_name
from dashboard.components.drag_spectrum import drag_spectrum
from dashboard.explore.scene import Scene
from dashboard.explore.state import SPECTRUM_REVISION
from experiments.config.run_config import GATE_BLOCKS
from models.cells.registry import CELLS

SHAPES = {
    "kept": "As initialised",
    "equal": "Orthogonal",
    "gaussian": "Gaussian",
    "linear": "Linear",
    "outlier": "One outlier",
}
"""Value of `spectrum_shape` → its button."""
HIGHEST = 3.0
"""The largest singular value on the page, the slider's too."""


def spectrum_by_hand(shown: Scene) -> None:
    """Buttons and the draggable spectrum; both change the page's settings."""
    by_hand = bool(shown.state["singular_values"])
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        for shape, words in SHAPES.items():
            chosen = not by_hand and shown.state["spectrum_shape"] == shape
            st.button(
                words, key=f"shape-{shape}", type="secondary" if chosen else "tertiary", on_click=take, args=(shape,)
            )
        if by_hand:
            st.markdown("**Set by hand**")
    with_matrix = {cell: result for cell, result in shown.probes.items() if result.spectra}
    if not with_matrix:
        return
    cell, result = next(iter(with_matrix.items()))
    name, spectrum = next((n, s) for n, s in result.spectra.items() if n in acted_on(shown, cell))
    values = [float(f"{v:.4g}") for v in stored(shown) or spectrum.singular_values.tolist()]
    where = cell_name(cell) if len(CELLS[cell].recurrent_blocks) == 1 else f"{cell_name(cell)}, gate {name}"
    drag_spectrum(
        f"Singular values of {where}", values, key="drag-spectrum", values_key="singular_values",
        largest_key="largest_singular_value", highest=HIGHEST, on_change=set_by_hand, revision_key=SPECTRUM_REVISION,
    )  # fmt: skip
    st.caption(
        "Drag a point, or type its value: the matrix keeps its singular vectors. "
        "Every cell's recurrent blocks get these values; the slider above scales all of them."
    )
    gated = [cell for cell in shown.probes if len(CELLS[cell].recurrent_blocks) > 1]
    if gated:
        st.pills(
            "Only these gates' blocks (none chosen: all)", GATE_BLOCKS, selection_mode="multi", key="spectrum_blocks",
            format_func=lambda block: f"{owner(block)} {block}",
        )  # fmt: skip


def owner(block: str) -> str:
    """The name of the cell that has a gate."""
    return next(cell_name(cell) for cell, kind in CELLS.items() if block in kind.recurrent_blocks)


def acted_on(shown: Scene, cell: str) -> tuple[str, ...]:
    """The blocks of a cell that the settings act on; all where those are no gates of its."""
    chosen = shown.state["spectrum_blocks"]
    assert isinstance(chosen, list)
    blocks = CELLS[cell].recurrent_blocks
    return tuple(block for block in blocks if block in chosen) or blocks


def stored(shown: Scene) -> list[float]:
    """The values that were set by hand, as large as they are now; none where there are none."""
    config = next(iter(shown.probes.values())).experiment.config
    if config.singular_values is None:
        return []
    values = [float(text) for text in config.singular_values.split(",")]
    factor = (config.largest_singular_value or 0.0) / max(values) if max(values) > 0 else 1.0
    return [value * factor for value in values]


def take(shape: str) -> None:
    """Give the matrices a shape, and forget what was set by hand."""
    st.session_state["spectrum_shape"] = shape
    st.session_state["singular_values"] = ""
    st.session_state[SPECTRUM_REVISION] += 1


def set_by_hand(values: list[float]) -> None:
    """Keep what the hand has set; the slider stands at the largest."""
    st.session_state["singular_values"] = ",".join(f"{value:g}" for value in values)
    st.session_state["largest_singular_value"] = max(values)

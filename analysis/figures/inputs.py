"""How much the loss depends on each input: the size of dL/dx_t over time, one line per sequence, and their median."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Bool, Float
from numpy import ndarray

from analysis.figures.decades import decades_axis
from analysis.figures.edges import add_edge_marks
from analysis.figures.hatch import NO_PATH, hatch
from analysis.figures.hover import size_words
from analysis.figures.lines import point_columns
from analysis.figures.picture import Picture
from analysis.figures.theme import LEGEND_BELOW, OTHER_COLOURS, cell_colour, cell_name, figure, translucent
from analysis.numbers import LN_10, log_quantile
from analysis.wording import counted, power_of_ten

ATTENTION = "Self-attention"
MOST_SEQUENCES, MOST_POINTS = 16, 8000
"""Sequences of a cell that are drawn, and the points of all of them: a drag draws them many times a second."""


def input_gradients_picture(
    cells: Mapping[str, Float[ndarray, "time batch"]],
    attention: Float[ndarray, "time batch"] | None = None,
    no_path: Bool[ndarray, " time"] | None = None,
    why_no_path: str = "",
) -> Picture:
    """log₁₀ of ‖dL/dx_t‖ over t: a thin line per sequence, and the median over the batch.

    Args:
        cells: cell → ln‖dL/dx_t‖ (nats).
        attention: the same of a layer of self-attention, which has no path longer than one step.
        no_path: the timesteps whose input has no path to a loss in any of the cells; they are hatched.
        why_no_path: the reason, in a sentence.
    """
    lines = {cell_name(cell): (log_quantile(size, 0.5) / LN_10, cell_colour(cell)) for cell, size in cells.items()}
    each = {cell: first_sequences(size) / LN_10 for cell, size in cells.items()}
    if attention is not None:
        lines[ATTENTION] = (log_quantile(attention, 0.5) / LN_10, OTHER_COLOURS[0])
    left = {name: float(values[0] - values[-1]) for name, (values, _) in lines.items()}
    said = ", ".join(f"{name} {words(log10)}" for name, log10 in left.items())
    made = figure(f"First input against last: {said}", "timestep t", "‖dL/dx<sub>t</sub>‖", 400)
    made.update_layout(legend=LEGEND_BELOW, margin_t=48)
    for cell, sizes in each.items():
        add_sequences(made, cell_name(cell), cell_colour(cell), sizes)
    for name, (values, colour) in lines.items():
        t = 1 + np.arange(len(values))
        made.add_scatter(
            x=t, y=np.where(np.isfinite(values), values, np.nan), mode="lines", name=name, legendgroup=name,
            line={"color": colour, "width": 3, "dash": "dash" if name == ATTENTION else "solid"},
            hovertemplate=f"{name}, median, t = %{{x}}: %{{y:size}}<extra></extra>",
        )  # fmt: skip
        marked = np.ones(len(t), bool) if no_path is None or name == ATTENTION else ~no_path
        add_edge_marks(made, t[marked], values[marked], name, colour)
    hatched = no_path is not None and hatch(made, np.arange(1, len(no_path) + 1), [no_path])
    made.update_yaxes(decades_axis([*(values for values, _ in lines.values()), *each.values()]))
    batch, drawn = next(iter(cells.values())).shape[1], next(iter(each.values())).shape[1]
    which = "each sequence" if drawn == batch else f"the first {counted(drawn, 'sequence')} of {batch}"
    return Picture(
        "input-gradients",
        made,
        f"Which input the loss hears. Thick: the median over the batch. Thin: {which}. In a recurrent network the "
        "gradient comes back step by step. In one layer of self-attention of the same width each input is one step "
        "away from each loss, so that its line has no slope. The last input weighs more: the loss reads there."
        + (f" {NO_PATH} {why_no_path}" if hatched else ""),
        f"Size of dL/dx_t at the first timestep against the last: {said}.",
        point_columns(
            "t",
            "log10 of the norm",
            [
                *((name, 1 + np.arange(len(values)), values) for name, (values, _) in lines.items()),
                *(
                    (f"{cell_name(cell)}, sequence {b + 1}", 1 + np.arange(len(sizes)), sizes[:, b])
                    for cell, sizes in each.items()
                    for b in range(sizes.shape[1])
                ),
            ],
        ),
    )


def first_sequences(sizes: Float[ndarray, "time batch"]) -> Float[ndarray, "time sequence"]:
    """As many sequences as can be drawn."""
    return sizes[:, : max(1, min(MOST_SEQUENCES, MOST_POINTS // len(sizes)))]


def add_sequences(made: go.Figure, name: str, colour: str, log10: Float[ndarray, "time sequence"]) -> None:
    """Draw a thin line per sequence, all as one trace, with a gap after each."""
    T, count = log10.shape
    gap = np.full((1, count), np.nan)
    values = np.concatenate([np.where(np.isfinite(log10), log10, np.nan), gap]).T.ravel()
    said = [f"sequence {k // (T + 1) + 1}, t = {k % (T + 1) + 1}: {size}" for k, size in enumerate(size_words(values))]
    made.add_scatter(
        x=np.tile(np.arange(1, T + 2), count)[:-1], y=values[:-1], mode="lines", name=f"{name}, each sequence",
        legendgroup=name, showlegend=False, line={"color": translucent(colour, 0.35), "width": 1}, customdata=said[:-1],
        hovertemplate=f"{name}, %{{customdata}}<extra></extra>",
    )  # fmt: skip


def words(log10: float) -> str:
    """A ratio in words."""
    return "not a number" if np.isnan(log10) else power_of_ten(log10)

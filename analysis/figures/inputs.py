"""How much the loss depends on each input: the size of dL/dx_t over time, one line per network."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from analysis.figures.decades import decades_axis
from analysis.figures.edges import add_edge_marks
from analysis.figures.lines import point_columns
from analysis.figures.picture import Picture
from analysis.figures.theme import LEGEND_BELOW, LN_10, OTHER_COLOURS, cell_colour, cell_name, figure
from analysis.numbers import log_quantile
from analysis.wording import power_of_ten

ATTENTION = "Self-attention"


def input_gradients_picture(
    cells: Mapping[str, Float[ndarray, "time batch"]], attention: Float[ndarray, "time batch"] | None = None
) -> Picture:
    """log₁₀ of ‖dL/dx_t‖ (median over the batch) over t.

    Args:
        cells: cell → ln‖dL/dx_t‖ (nats).
        attention: the same of a layer of self-attention, which has no path longer than one step.
    """
    lines = {cell_name(cell): (log_quantile(size, 0.5) / LN_10, cell_colour(cell)) for cell, size in cells.items()}
    if attention is not None:
        lines[ATTENTION] = (log_quantile(attention, 0.5) / LN_10, OTHER_COLOURS[0])
    left = {name: float(values[0] - values[-1]) for name, (values, _) in lines.items()}
    said = ", ".join(f"{name} {words(log10)}" for name, log10 in left.items())
    made = figure(f"First input against last: {said}", "timestep t", "‖dL/dx<sub>t</sub>‖", 400)
    made.update_layout(legend=LEGEND_BELOW, margin_t=48)
    for name, (values, colour) in lines.items():
        t = 1 + np.arange(len(values))
        made.add_scatter(
            x=t, y=np.where(np.isfinite(values), values, np.nan), mode="lines", name=name,
            line={"color": colour, "width": 3, "dash": "dash" if name == ATTENTION else "solid"},
            hovertemplate=f"{name}, t = %{{x}}: 10<sup>%{{y:.2f}}</sup><extra></extra>",
        )  # fmt: skip
        add_edge_marks(made, t, values, name, colour)
    made.update_yaxes(decades_axis(values for values, _ in lines.values()))
    return Picture(
        "input-gradients",
        made,
        "Which input the loss hears (median over the batch). In a recurrent network the gradient comes back step by "
        "step. In one layer of self-attention of the same width each input is one step away from each loss, so that "
        "its line has no slope of its own.",
        f"Size of dL/dx_t at the first timestep against the last: {said}.",
        point_columns("t", "log10 of the norm", ((n, 1 + np.arange(len(v)), v) for n, (v, _) in lines.items())),
    )


def words(log10: float) -> str:
    """A ratio in words."""
    return "not a number" if np.isnan(log10) else power_of_ten(log10)

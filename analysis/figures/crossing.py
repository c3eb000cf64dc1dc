"""From a target back to its source: the attention weights, and the two ways of the gradient."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from analysis.crossing import WAYS, Crossing
from analysis.figures.decades import decades_axis
from analysis.figures.edges import add_edge_marks
from analysis.figures.lines import point_columns
from analysis.figures.picture import Picture
from analysis.figures.theme import (
    BAR_BELOW,
    LEGEND_BELOW,
    OTHER_COLOURS,
    ZERO_TO_ONE,
    cell_name,
    figure,
    on_screen,
    the_cell,
    thinning_note,
)
from analysis.numbers import LN_10, log_quantile
from analysis.wording import exact_percent, percent

NAMES = {"state": "by the start state", "attention": "by the attention"}


def attention_picture(cell: str, weights: Float[ndarray, "reader read"], reader: str, read: str) -> Picture:
    """One sequence's attention weights: which timestep each reader looks at.

    Args:
        cell: the network's cell.
        weights: attention weights; each row adds up to 1.
        reader: the name of a row, such as `target time`.
        read: the name of a column, such as `source time`.
    """
    values, row_step, column_step = on_screen(weights)
    sharpest = float(np.mean(weights.max(axis=1)))
    title = f"{cell_name(cell)}: the largest weight is {exact_percent(sharpest)} on average"
    made = figure(title, read, reader, 400)
    made.update_layout(margin_t=48, margin_b=88)
    made.add_heatmap(
        z=100 * values, x=1 + column_step * np.arange(values.shape[1]), y=1 + row_step * np.arange(values.shape[0]),
        colorscale=ZERO_TO_ONE, zmin=0, zmax=100 * float(weights.max()), colorbar={**BAR_BELOW, "ticksuffix": " %"},
        hovertemplate=f"{reader} %{{y}} reads {read} %{{x}}: %{{z:.1f}} %<extra></extra>",
    )  # fmt: skip
    made.update_yaxes(autorange="reversed")
    rows, columns = np.indices(weights.shape)
    return Picture(
        f"{cell}-attention",
        made,
        f"Each row adds up to 100 %: how much of each h_t {the_cell(cell)} reads"
        + (", for the first sequence of the batch" if reader != "sequence" else "")
        + ". Brighter is more."
        + thinning_note(row_step, column_step, reader, read),
        f"Attention weights of {the_cell(cell)}, {weights.shape[0]} × {weights.shape[1]}; the largest weight of a row "
        f"is {exact_percent(sharpest)} on average.",
        {
            reader: (rows.ravel() + 1).tolist(),
            read: (columns.ravel() + 1).tolist(),
            "weight": weights.ravel().tolist(),
        },
    )


def crossing_picture(cell: str, crossing: Crossing) -> Picture:
    """log₁₀ of ‖dL/dh_t‖ over the source's timesteps, of what came by the start state and by the attention."""
    typical = {way: log_quantile(crossing.log_norm[way], 0.5) for way in WAYS}
    shares = {way: float(np.nanmedian(crossing.share[way])) if known(crossing.share[way]) else 0.0 for way in WAYS}
    title = f"{cell_name(cell)}: {percent(shares['attention'])} of the gradient crosses by the attention"
    made = figure(title, "source time t", "‖dL/dh<sub>t</sub>‖ of the encoder", 400)
    made.update_layout(legend=LEGEND_BELOW, margin_t=48)
    lines = []
    t = 1 + np.arange(len(crossing.total_log_norm))
    for way, colour in zip(WAYS, OTHER_COLOURS[1:], strict=False):
        values = typical[way] / LN_10
        lines.append((NAMES[way], t, values))
        made.add_scatter(
            x=t, y=np.where(np.isfinite(values), values, np.nan), mode="lines", name=NAMES[way],
            line={"color": colour, "width": 3},
            hovertemplate=f"t = %{{x}}, {NAMES[way]}: %{{y:size}}<extra></extra>",
        )  # fmt: skip
        add_edge_marks(made, t, values, NAMES[way], colour)
    made.update_yaxes(decades_axis(values for _, _, values in lines))
    return Picture(
        f"{cell}-crossing",
        made,
        "What the decoder sends to each h_t of the encoder (median over the batch): through the state that it started "
        "from, and through its attention. The two add up to dL/dh_t.",
        f"Of the encoder's gradient, {percent(shares['state'])} come by the start state and "
        f"{percent(shares['attention'])} by the attention (median over timesteps and sequences).",
        point_columns("t", "log10 of the norm", lines),
    )


def known(values: ndarray) -> bool:
    """Whether any of these is a number."""
    return not bool(np.isnan(values).all())

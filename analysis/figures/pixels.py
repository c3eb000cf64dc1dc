"""A picture that a network has read, beside the size of dL/d(pixel): which parts of it the loss hears."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from analysis.figures.edges import add_special_cells
from analysis.figures.picture import Picture
from analysis.figures.png import png_address
from analysis.figures.theme import BAR_BELOW, ZERO_TO_ONE, cell_name, figure, the_cell
from analysis.numbers import LN_10
from analysis.wording import power_of_ten

QUIETEST = -4.0
"""Powers of ten below the largest at which a pixel is drawn as if it had no gradient."""
SHARP = 8
"""Times that a pixel is repeated, so that a browser does not blur it."""
HEIGHT = 420
HALF = 0.46
"""Share of the width, or on a phone of the height, for each of the two."""


def pixels_picture(cell: str, image: Float[ndarray, "row column 3"], log_norm: Float[ndarray, "row column"]) -> Picture:
    """The picture on the left, and log₁₀ of ‖dL/d(pixel)‖ on the right; on a phone it is below.

    Args:
        cell: the network's cell.
        image: red, green and blue from 0 to 1.
        log_norm: ln‖dL/d(pixel)‖ over the three colours (nats).
    """
    decades = log_norm / LN_10
    known = decades[~np.isnan(decades)]
    largest = float(known.max()) if known.size else np.nan
    finite = known[np.isfinite(known)]
    heights = np.maximum(decades - (finite.max() if finite.size else 0.0), QUIETEST)
    rows, columns = decades.shape
    title = f"{cell_name(cell)}: the largest ‖dL/d(pixel)‖ is {power_of_ten(largest)}"
    made = figure(title, "column", "row", HEIGHT)
    made.add_heatmap(
        z=np.where(np.isposinf(decades), np.nan, heights), x=1 + np.arange(columns), y=1 + np.arange(rows),
        customdata=decades, zmin=QUIETEST, zmax=0, colorscale=ZERO_TO_ONE,
        colorbar={**BAR_BELOW, "title": {"text": "powers of ten below the largest", "side": "top"}},
        hovertemplate="row %{y}, column %{x}: %{customdata:size}<extra></extra>",
    )  # fmt: skip
    with_places = np.where(np.isneginf(decades), 0.0, decades)  # an exact zero is as quiet as can be
    special = add_special_cells(made, with_places, made.data[0].x, made.data[0].y, words="row %{y}, column %{x}")
    made.update_layout(margin_t=48, margin_b=108, xaxis={"domain": [1 - HALF, 1], "constrain": "domain"})
    made.update_yaxes(autorange="reversed", scaleanchor="x", constrain="domain")
    sharp = image.repeat(SHARP, 0).repeat(SHARP, 1)
    made.add_layout_image(
        source=png_address(sharp), xref="paper", yref="paper", x=0, y=1, sizex=HALF, sizey=1, sizing="contain",
        xanchor="left", yanchor="top",
    )  # fmt: skip
    layout = made.layout.to_plotly_json()
    below = {
        "height": round(1.7 * HEIGHT), "xaxis": {**layout["xaxis"], "domain": [0, 1]},
        "yaxis": {**layout["yaxis"], "domain": [0, HALF]},
        "images": [{**layout["images"][0], "sizex": 1, "sizey": HALF}],
    }  # fmt: skip
    made.update_layout(meta={"narrow": below})
    row, column = np.indices(decades.shape)
    return Picture(
        f"{cell}-pixels",
        made,
        f"The first picture of the batch, and the size of dL/d(pixel) in {the_cell(cell)}. Bright pixels change the "
        "loss most." + "".join(f" {words.capitalize()}." for words in special),
        f"Size of dL/d(pixel) of {the_cell(cell)} over a picture of {rows} × {columns} pixels; the largest is "
        f"{power_of_ten(largest)}.",
        {
            "row": (1 + row.ravel()).tolist(),
            "column": (1 + column.ravel()).tolist(),
            "log10 of the norm": decades.ravel().tolist(),
        },
    )

"""Values without a place on an axis: exact zeros on a log scale, infinities, and NaN.

They get no invented numbers. On lines they are marks at the frame's edge, with words. On heatmaps they are cells with
their own colours.
"""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Bool, Float
from numpy import ndarray

from analysis.figures.sketch import Sketch
from analysis.figures.theme import NEUTRAL

ZERO_COLOUR = "#5e3c99"
"""Purple, which is in no diverging scale."""

Edge = Literal["bottom", "top", "left", "right"]

LOG_WORDS = {"zero": "exactly zero", "infinite": "infinite", "nan": "not a number"}
PLAIN_WORDS = {"zero": "minus infinite", "infinite": "infinite", "nan": "not a number"}


def edge_of(trace: Mapping[str, Any]) -> Edge | None:
    """The edge where the marks of a trace, given as a dictionary, lie; None for a trace with values."""
    meta = trace.get("meta")
    return meta.get("edge") if isinstance(meta, dict) else None


def is_behind_the_end(values: Float[ndarray, "*row time"]) -> Bool[ndarray, "*row time"]:
    """NaN after the last number of a row, where a shorter sequence has ended; a row without numbers has none."""
    known = ~np.isnan(values)
    later = np.flip(np.logical_or.accumulate(np.flip(known, -1), -1), -1)
    return ~later & known.any(axis=-1, keepdims=True)


def add_edge_marks(
    made: go.Figure | Sketch,
    x: ndarray,
    values: Float[ndarray, " point"],
    name: str,
    colour: str,
    *,
    along: str = "t",
    logs: bool = True,
    **place: object,
) -> None:
    """Add marks where a line has no value: at the lower edge for −inf, at the upper edge for inf and NaN.

    Args:
        made: the figure.
        x: the position of each value.
        values: the drawn values; logarithms unless `logs` is False, so that −inf is exactly zero.
        name: the line's name.
        colour: the line's colour.
        along: the name of x, for the words on hover.
        logs: whether the values are logarithms.
        place: `row` and `col` in a grid.
    """
    words = LOG_WORDS if logs else PLAIN_WORDS
    kinds: tuple[tuple[ndarray, Edge, str, str], ...] = (
        (np.isneginf(values), "bottom", "triangle-down", words["zero"]),
        (np.isposinf(values), "top", "triangle-up", words["infinite"]),
        (np.isnan(values), "top", "x", words["nan"]),
    )
    for where, edge, symbol, what in kinds:
        if where.any():
            made.add_scatter(
                x=np.asarray(x)[where], y=np.full(int(where.sum()), np.nan), mode="markers", name=f"{name}: {what}",
                legendgroup=name, marker={"symbol": symbol, "color": colour, "size": 8}, cliponaxis=False,
                meta={"edge": edge}, hovertemplate=f"{name}, {along} %{{x}}: {what}<extra></extra>", **place,
            )  # fmt: skip


def add_special_cells(
    made: go.Figure | Sketch,
    values: Float[ndarray, "row column"],
    x: object,
    y: object,
    *,
    zeros: bool = True,
    words: str = "%{x}, %{y}",
    **place: object,
) -> list[str]:
    """Draw heatmap cells without a colour on the scale over the map: exactly zero (−inf), infinite or NaN.

    Returns:
        the kinds that were found, in words for the caption; empty if every cell has a colour.
    """
    kinds = [(np.isneginf(values), ZERO_COLOUR, "exactly zero", "purple")] if zeros else []
    lost = np.isnan(values) | np.isposinf(values) | (False if zeros else np.isneginf(values))
    kinds.append((lost, NEUTRAL, "not a number, or infinite", "grey"))
    found = []
    for where, colour, what, colour_word in kinds:
        if where.any():
            made.add_heatmap(
                z=np.where(where, np.float32(1), np.float32(np.nan)), x=x, y=y, zmin=0, zmax=1, name=what,
                colorscale=[[0, colour], [1, colour]], showscale=False,
                hovertemplate=f"{words}: {what}<extra></extra>", **place,
            )  # fmt: skip
            found.append(f"{colour_word} is {what}")
    return found

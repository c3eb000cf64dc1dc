"""Hatched areas: timesteps that have no path to a loss."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Bool, Int
from numpy import ndarray

from analysis.figures.theme import NEUTRAL

NO_PATH = "Hatched: no path leads from there to a loss, whatever the weights are."
AXIS = "y9"
"""An axis of its own, over the chart's: the areas have no values."""


def hatch(made: go.Figure, t: Int[ndarray, " time"], rows: Sequence[Bool[ndarray, " time"]], gap: float = 0.0) -> bool:
    """Hatch the timesteps that are True, one row of the chart above the other; whether there are any.

    Args:
        made: a chart over t, with one vertical axis.
        t: the timesteps.
        rows: the first is the uppermost.
        gap: share of a row that is left free.
    """
    x, y = list[float | None](), list[float | None]()
    for k, row in enumerate(rows):
        edges = np.flatnonzero(np.diff(np.concatenate([[False], row, [False]]).astype(int)))
        for start, stop in edges.reshape(-1, 2):
            left, right = max(t[start] - 0.5, t[0] - 0.5 * (gap > 0)), min(t[stop - 1] + 0.5, t[-1] + 0.5 * (gap > 0))
            top, bottom = k + gap / 2, k + 1 - gap / 2
            x += [left, right, right, left, left, None]
            y += [top, top, bottom, bottom, top, None]
    if not x:
        return False
    made.add_scatter(
        x=x, y=y, yaxis=AXIS, mode="lines", line={"width": 0, "color": NEUTRAL}, fill="toself", hoverinfo="skip",
        fillpattern={"shape": "/", "fgcolor": NEUTRAL, "bgcolor": "rgba(0,0,0,0)", "size": 9, "solidity": 0.2},
        name="no path to a loss", showlegend=gap == 0,
    )  # fmt: skip
    made.update_layout(
        yaxis9={"overlaying": "y", "range": [len(rows), 0], "visible": False, "fixedrange": True, "anchor": "x"}
    )
    return True

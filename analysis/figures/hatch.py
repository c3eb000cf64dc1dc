"""Hatched areas: timesteps that have no path to a loss."""

import itertools
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Bool, Int
from numpy import ndarray

from analysis.figures.sketch import Sketch
from analysis.figures.theme import NEUTRAL

NO_PATH = "Hatched: no path leads from there to a loss, whatever the weights are."
AXIS = "y9"
"""An axis of its own, over the chart's: the areas have no values."""


def hatch(
    made: go.Figure | Sketch,
    t: Int[ndarray, " time"],
    rows: Sequence[Bool[ndarray, " time"]],
    gap: float = 0.0,
    cells: bool = False,
) -> bool:
    """Hatch the timesteps that are True, one row of the chart above the other; whether there are any.

    Args:
        made: a chart over t, with one vertical axis.
        t: the timesteps.
        rows: the first is the uppermost.
        gap: share of a row that is left free.
        cells: whether the chart is a map, whose first and last cells are half a timestep wider.
    """
    x, y, k = list[float | None](), list[float | None](), 0
    for row, count in [(row, 1) for row in rows] if gap else same_rows(rows):
        edges = np.flatnonzero(np.diff(np.concatenate([[False], row, [False]]).astype(int)))
        for start, stop in edges.reshape(-1, 2):
            left, right = max(t[start] - 0.5, t[0] - 0.5 * cells), min(t[stop - 1] + 0.5, t[-1] + 0.5 * cells)
            top, bottom = k + gap / 2, k + count - gap / 2
            x += [left, right, right, left, left, None]
            y += [top, top, bottom, bottom, top, None]
        k += count
    if not x:
        return False
    made.add_scatter(
        x=x, y=y, yaxis=AXIS, mode="lines", line={"width": 0, "color": NEUTRAL}, fill="toself", hoverinfo="skip",
        fillpattern={"shape": "/", "fgcolor": NEUTRAL, "bgcolor": "rgba(0,0,0,0)", "size": 9, "solidity": 0.2},
        name="no path to a loss", showlegend=not cells,
    )  # fmt: skip
    made.update_layout(
        yaxis9={"overlaying": "y", "range": [len(rows), 0], "visible": False, "fixedrange": True, "anchor": "x"}
    )
    return True


def same_rows(rows: Sequence[Bool[ndarray, " time"]]) -> list[tuple[Bool[ndarray, " time"], int]]:
    """Each group of equal rows that follow each other: the row, and how many there are."""
    groups = [[*group] for _, group in itertools.groupby(rows, key=lambda row: row.tobytes())]
    return [(group[0], len(group)) for group in groups]

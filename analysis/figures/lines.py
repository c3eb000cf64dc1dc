"""The shared parts of charts with a few named lines: the empty chart, and the points as columns."""

from collections.abc import Iterable

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Num
from numpy import ndarray

from analysis.figures.theme import LEGEND_BELOW, NEUTRAL, figure

Values = Num[ndarray, " _"]


def chart_of_lines(
    title: str,
    x_title: str,
    y_title: str,
    height: int,
    limits: tuple[float, float] | None = None,
    level: float = 0.0,
) -> go.Figure:
    """A chart with a thin line at `level` and no other lines; `limits` is the vertical range, None to fit the data."""
    made = figure(title, x_title, y_title, height)
    # Below the chart: above it a long legend would lie on the title of a narrow page.
    made.update_layout(legend=LEGEND_BELOW, margin_t=48)
    if limits is not None:
        made.update_yaxes(range=list(limits))
    made.add_hline(y=level, line={"color": NEUTRAL, "width": 1, "dash": "dot"}, layer="below")
    return made


def point_columns(x_name: str, y_name: str, lines: Iterable[tuple[str, Values, Values]]) -> dict[str, list[object]]:
    """One row per point of the lines; a line is its name, its x and its y."""
    rows = [(name, float(x), float(y)) for name, xs, ys in lines for x, y in zip(xs, ys, strict=True)]
    return {name: [row[k] for row in rows] for k, name in enumerate(("line", x_name, y_name))}


def mode_of(values: Values) -> str:
    """Plotly's mode of a line: one of a point or two needs marks to be seen."""
    return "lines+markers" if np.isfinite(values).sum() < 3 else "lines"

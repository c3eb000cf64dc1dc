"""A few named lines over the steps back, on a log scale: how a quantity shrinks or grows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from analysis.figures.decades import decades_axis
from analysis.figures.edges import add_edge_marks
from analysis.figures.lines import chart_of_lines, point_columns
from analysis.figures.picture import Picture
from analysis.figures.theme import NEUTRAL
from analysis.numbers import LN_10


@dataclass(frozen=True, eq=False)
class LagLine:
    """One line: a name for the legend, and its natural logs (nats) at each lag."""

    name: str
    lag: Float[ndarray, " point"]
    log: Float[ndarray, " point"]
    colour: str = NEUTRAL
    dash: str = "solid"
    marks: bool = False
    """Whether it is drawn as dots joined by a thin line, for values at a few lags."""


def lag_picture(
    name: str,
    title: str,
    lines: Sequence[LagLine],
    sentence: str,
    alt: str,
    *,
    x_title: str = "steps back from the loss",
    y_title: str = "size of the gradient",
    height: int = 400,
    decades: tuple[float, float] | None = None,
    why: str = "",
) -> Picture:
    """Lines over lag on a log scale, with a level at 1; the downloaded numbers are logs in nats.

    Args:
        name: of downloaded files.
        title: the result in one line.
        lines: at least one.
        sentence: the caption.
        alt: the picture in words, with its numbers.
        x_title: title of the lag axis.
        y_title: title of the vertical axis.
        height: pixels.
        decades: a fixed vertical range (log₁₀), so that a drag moves the line and not the axis; None to fit the data.
        why: the rest of the explanation (Markdown).
    """
    made = chart_of_lines(title, x_title, y_title, height, decades)
    shown = [np.array(decades)] if decades is not None else [line.log / LN_10 for line in lines]
    made.update_yaxes(**decades_axis(shown))
    for line in lines:
        y = np.where(np.isfinite(line.log), line.log, np.nan) / LN_10
        made.add_scatter(
            x=line.lag, y=y, name=line.name, mode="lines+markers" if line.marks else "lines",
            line={"color": line.colour, "dash": line.dash, "width": 1.5 if line.marks else 2.5},
            marker={"size": 9, "color": line.colour}, cliponaxis=False if line.marks else None,
            hovertemplate=f"{line.name}, lag %{{x}}: %{{y:size}}<extra></extra>",
        )  # fmt: skip
        add_edge_marks(made, line.lag, line.log, line.name, line.colour, along="lag")
    columns = point_columns("lag", "log size", ((line.name, line.lag, line.log) for line in lines))
    return Picture(name, made, sentence, alt, columns, why)

"""A rate over a setting: theory as a line, measurements as points."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from analysis.figures.edges import add_edge_marks
from analysis.figures.lines import chart_of_lines, point_columns
from analysis.figures.picture import Picture
from analysis.figures.theme import NEUTRAL


@dataclass(frozen=True, eq=False)
class SettingLine:
    """One line, or dots for a few points."""

    name: str
    x: Float[ndarray, " point"]
    y: Float[ndarray, " point"]
    colour: str = NEUTRAL


FEW_POINTS = 3


def setting_picture(
    name: str,
    title: str,
    lines: Sequence[SettingLine],
    sentence: str,
    alt: str,
    *,
    x_title: str,
    y_title: str,
    limits: tuple[float, float] | None = None,
    height: int = 400,
    level: float = 0.0,
    why: str = "",
) -> Picture:
    """Lines over a setting, with a level to compare them with.

    Args:
        name: of downloaded files.
        title: the result in one line.
        lines: at least one.
        sentence: the caption.
        alt: the picture in words, with its numbers.
        x_title: the setting.
        y_title: the quantity with its unit.
        limits: the vertical range; None to fit the data. Points below it are triangles at the edge.
        height: pixels.
        level: the position of a thin line for comparison.
        why: the rest of the explanation (Markdown).
    """
    made = chart_of_lines(title, x_title, y_title, height, limits, level)
    for line in lines:
        dots = len(line.x) <= FEW_POINTS
        off = line.y < limits[0] if limits is not None else np.zeros(len(line.y), bool)
        low = limits[0] if limits is not None else np.nan
        made.add_scatter(
            x=line.x, y=np.where(off, low if dots else np.nan, line.y), name=line.name,
            mode="markers" if dots else "lines", cliponaxis=not dots, line={"color": line.colour, "width": 2.5},
            marker={"size": 13, "color": line.colour, "symbol": np.where(off, "triangle-down", "circle").tolist()},
            hovertemplate=f"{line.name}, %{{x:number}}: %{{y:number}}<extra></extra>",
        )  # fmt: skip
        if limits is None:
            add_edge_marks(made, line.x, line.y, line.name, line.colour, along="at", logs=False)
    columns = point_columns(x_title, y_title, ((line.name, line.x, line.y) for line in lines))
    return Picture(name, made, sentence, alt, columns, why)

"""An error surface in three dimensions that can be turned, with descents on it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float
from numpy import ndarray

from analysis.cliff import Descent, Seen
from analysis.figures.picture import Picture
from analysis.figures.theme import LEGEND_BELOW, NEUTRAL, layout
from analysis.scalar import ErrorSurface
from analysis.wording import significant

CROSS = 0.03
"""Half the extent of a cross, as a share of the window's."""
LIFT = 0.008
"""Paths are drawn a little above the surface, which would hide them."""


@dataclass(frozen=True)
class Path:
    """A descent, its part within the surface's window, and its colour."""

    descent: Descent
    seen: Seen
    colour: str


FROM_THE_LOW_SIDE = 115.0
"""The angle (degrees) at which the wall stands at the back."""


def surface_picture(
    name: str,
    title: str,
    surface: ErrorSurface,
    paths: Mapping[str, Path],
    turned: float = FROM_THE_LOW_SIDE,
    height: int = 400,
) -> Picture:
    """E over w and b in three dimensions; each path ends with a cross where it leaves the window.

    Args:
        name: of downloaded files.
        title: the result in one line.
        surface: E on a grid.
        paths: label → descent.
        turned: degrees around the vertical axis, for people who cannot drag.
        height: pixels.
    """
    made = go.Figure(layout=layout(title, height))
    made.add_surface(
        x=surface.weight.astype(np.float32), y=surface.bias.astype(np.float32), z=surface.error.astype(np.float32),
        colorscale="Cividis", showscale=False, opacity=1.0, name="E",
        hovertemplate="w = %{x:.2f}, b = %{y:.2f}: E = %{z:number}<extra></extra>",
    )  # fmt: skip
    for label, path in paths.items():
        add_path(made, label, path, half_cross(surface))
    made.update_layout(
        scene=scene(turned, distance=1.95),
        legend=LEGEND_BELOW,
        margin={"l": 0, "r": 0, "t": 40, "b": 40},
        meta={"narrow": {"scene": scene(turned, distance=2.8), "height": height}},
    )
    ends = "; ".join(f"{label}: E = {significant(float(p.descent.error[-1]))}" for label, p in paths.items())
    return Picture(
        name,
        made,
        "Drag to turn. The error of one unit over its weight w and bias b; each corner of a path is a step.",
        f"{title}. An error surface with a cliff. {ends}.",
        columns(paths),
    )


def scene(turned: float, distance: float) -> dict[str, object]:
    """The three axes, and a camera far enough away to show all ticks."""
    axis = {"gridcolor": NEUTRAL, "showbackground": False, "nticks": 5, "tickfont": {"size": 12}}
    angle = math.radians(turned)
    eye = {"x": distance * math.cos(angle), "y": distance * math.sin(angle), "z": 0.5 * distance}
    return {
        "xaxis": {**axis, "title": {"text": "w"}},
        "yaxis": {**axis, "title": {"text": "b"}},
        "zaxis": {**axis, "title": {"text": "E"}},
        "camera": {"eye": eye, "center": {"x": 0, "y": 0, "z": -0.28}},
        "aspectratio": {"x": 1.5, "y": 1.2, "z": 0.8},
        # A hand's turn is kept until the setting turns it anew.
        "uirevision": f"turned {turned:g}",
    }


def half_cross(surface: ErrorSurface) -> Float[ndarray, "3"]:
    """Half the extent of a cross in w, b and E."""
    return CROSS * np.array([np.ptp(surface.weight), np.ptp(surface.bias), 0.0])


def add_path(made: go.Figure, label: str, path: Path, half: Float[ndarray, "3"]) -> None:
    """Draw the steps within the window, and a cross where the path leaves it.

    It has no markers: without a graphics card, markers in three dimensions cost a browser half a second more.
    """
    seen = path.seen
    points = np.stack([seen.weight, seen.bias, seen.error + LIFT])
    if seen.left:
        points = np.concatenate([points, cross(points[:, -1], half)], axis=1)
    made.add_scatter3d(
        x=points[0], y=points[1], z=points[2], name=label, mode="lines",
        line={"color": path.colour, "width": 5},
        hovertemplate=f"{label}: w = %{{x:.2f}}, b = %{{y:.2f}}<extra></extra>",
    )  # fmt: skip


def cross(at: Float[ndarray, "3"], half: Float[ndarray, "3"]) -> Float[ndarray, "3 points"]:
    """Two strokes through a point, each after a gap."""
    gap, strokes = np.full(3, np.nan), (half, half * [1, -1, 1])
    return np.stack([point for s in strokes for point in (gap, at - s, at + s)], axis=1)


def columns(paths: Mapping[str, Path]) -> dict[str, list[object]]:
    """One row per step of each path."""
    rows = [
        (label, step, *numbers)
        for label, path in paths.items()
        for step, numbers in enumerate(
            zip(path.descent.weight.tolist(), path.descent.bias.tolist(), path.descent.error.tolist(), strict=True)
        )
    ]
    names = ("path", "step", "w", "b", "E")
    return {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}

"""Axes with an explicit range, whatever is drawn.

A browser that redraws a chart keeps the last range of an axis that says nothing about it: a flat line sent one, the
next picture none, and lay outside of it. So every axis of every picture has a range of its own.
"""

import functools
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float
from numpy import ndarray

from analysis.figures.edges import Edge, edge_of
from analysis.figures.sketch import Plain, Sketch, plain

PADDING = 0.05
"""Share of the drawn range that is added at each end; lines along x have no padding, they end at the frame."""
LARGEST = 1e300
"""Largest end of an axis: the difference of two larger ones would overflow."""
NOTHING = "No value here is a number."
NOTHING_YET = "There is nothing to draw yet."
"""Where no trace has a single value."""


@dataclass
class Extent:
    """The range of the data along one axis."""

    low: float = np.inf
    high: float = -np.inf
    padded: bool = False
    categories: dict[str, None] = field(default_factory=dict)
    has_traces: bool = False
    has_values: bool = False
    has_numbers: bool = False
    """Whether a trace has a number on this axis, not only a level line."""

    def hold(self, values: Float[ndarray, "..."], padded: bool = False) -> None:
        """Widen the range to hold all finite values."""
        finite = np.clip(values[np.isfinite(values)], -LARGEST, LARGEST)
        if finite.size:
            self.low, self.high = min(self.low, float(finite.min())), max(self.high, float(finite.max()))
        self.padded |= padded

    @property
    def is_empty(self) -> bool:
        """Whether the axis has neither numbers nor categories."""
        return bool(self.low > self.high) and not self.categories

    def range(self, to_zero: bool) -> tuple[float, float]:
        """The two ends of the axis."""
        if self.categories:
            return -0.5, len(self.categories) - 0.5
        if self.low > self.high:
            return 0.0, 1.0
        low, high = (min(self.low, 0.0), max(self.high, 0.0)) if to_zero else (self.low, self.high)
        if low == high:
            half = max(0.5, 0.1 * abs(low))
            return low - half, high + half
        margin = PADDING * (high - low) if self.padded else 0.0
        return (low - margin if low != 0 or not to_zero else 0.0), (high + margin if high != 0 or not to_zero else 0.0)


def set_axes(figure: go.Figure | Sketch) -> None:
    """Give every axis without a range one that holds all finite values; draw Inf, NaN and zeros at its edges.

    An axis without any number has no ticks, and words say so. A second call changes nothing but the edges of axes whose
    range was set in between.
    """
    # Plain dictionaries: Plotly's objects take longer for each property than all of the arithmetic here.
    traces, layout = plain(figure)
    extents: dict[str, Extent] = defaultdict(Extent)
    for trace in traces:
        if trace["type"] in ("surface", "scatter3d"):
            hold_in_space(extents, trace)
        elif trace["type"] != "parcoords":  # its axes are its own
            hold_on_plane(extents, trace, layout)
    hold_stacks(extents, traces)
    for shape in layout.get("shapes", ()):
        for side in "xy":
            if (reference := shape.get(f"{side}ref")) in extents:
                extents[reference].hold(np.array([shape.get(f"{side}0"), shape.get(f"{side}1")], float))
    join_matching(extents, layout)
    marked = {trace.get("yaxis", "y") for trace in traces if edge_of(trace)}
    changes: Plain = {}
    for name, extent in extents.items():
        if None in (said_of(layout, name).get("range") or [None]):
            put(changes, path_of(name), range_of(said_of(layout, name), extent))
    figure.update_layout(changes)
    for name, extent in extents.items():
        if name[0] == "y" and extent.has_traces and not (extent.has_numbers or extent.categories or name in marked):
            say_nothing(figure, layout, name, NOTHING if extent.has_values else NOTHING_YET)
    for trace, drawn in zip(traces, figure.data, strict=True):
        if (edge := edge_of(trace)) is not None:
            drawn.update(at_edge(trace, edge, lambda name: {**said_of(layout, name), **said_of(changes, name)}))


def path_of(name: str) -> tuple[str, ...]:
    """`x2` → the layout's xaxis2; `scene/z` → its scene's zaxis."""
    if "/" in name:
        scene, side = name.split("/")
        return scene, f"{side}axis"
    return (f"{name[0]}axis{name[1:]}",)


def said_of(layout: Plain, name: str) -> Plain:
    """What a plain layout says of the axis of this name."""
    return functools.reduce(lambda within, key: within.get(key, {}), path_of(name), layout)


def put(changes: Plain, path: Sequence[str], values: Plain) -> None:
    """Set some values at a path within nested dictionaries."""
    functools.reduce(lambda within, key: within.setdefault(key, {}), path, changes).update(values)


def range_of(said: Plain, extent: Extent) -> Plain:
    """What gives one axis its range, in the axis's own numbers: logarithms if it is logarithmic."""
    if said.get("type") == "log" and not extent.is_empty:
        extent = Extent(np.log10(extent.low), np.log10(extent.high), extent.padded)
    low, high = extent.range(said.get("rangemode") == "tozero")
    ends = [high, low] if said.get("autorange") == "reversed" else [low, high]
    return {"range": ends, "autorange": None} | ({"showticklabels": False} if extent.is_empty else {})


def as_numbers(values: object) -> Float[ndarray, "..."] | list[str]:
    """Numbers, with NaN for gaps; text as categories."""
    array = np.asarray(values)
    if array.dtype.kind in "iufb":
        return array.astype(float)
    try:
        return np.array([np.nan if v is None else v for v in array.ravel()], float).reshape(array.shape)
    except (TypeError, ValueError):
        return [str(v) for v in array.ravel()]


def hold(extent: Extent, values: object, is_log: bool, padded: bool = False) -> None:
    """Widen the range of an axis to hold these values, numbers or words."""
    extent.has_traces = True
    given = as_numbers(values)
    extent.has_values |= np.size(given) > 0
    if isinstance(given, list):
        extent.categories |= dict.fromkeys(given)
    else:
        held = np.where(given > 0, given, np.nan) if is_log else given
        extent.hold(held, padded)
        extent.has_numbers |= bool(np.isfinite(held).any())


def hold_on_plane(extents: Mapping[str, Extent], trace: Plain, layout: Plain) -> None:
    """Widen the ranges to hold a line, points, bars, a heatmap or its critical lines."""
    x_name, y_name = trace.get("xaxis", "x"), trace.get("yaxis", "y")
    x, y = extents[x_name], extents[y_name]
    of_x, of_y = trace.get("x"), trace.get("y")
    if trace["type"] in ("heatmap", "contour"):
        z: Any = trace.get("z")
        rows, columns = np.asarray(z).shape[:2] if np.ndim(z) > 1 else (0, 0)
        for extent, given, count in ((x, of_x, columns), (y, of_y, rows)):
            hold(extent, cell_edges(np.arange(count) if given is None else given), is_log=False)
        return
    if trace["type"] == "bar":  # their lengths are added up by `hold_stacks`
        hold(*((y, of_y) if trace.get("orientation") == "h" else (x, of_x)), is_log=False)
        return
    marked = "markers" in trace.get("mode", "lines")
    edge = edge_of(trace)
    if of_x is not None and edge not in ("left", "right"):
        hold(x, of_x, is_log=said_of(layout, x_name).get("type") == "log", padded=marked and edge is None)
    if of_y is not None and edge not in ("bottom", "top"):
        hold(y, of_y, is_log=said_of(layout, y_name).get("type") == "log", padded=edge is None)
        hold_whiskers(y, of_y, trace.get("error_y", {}))


def hold_whiskers(extent: Extent, values: object, whiskers: Plain) -> None:
    """Widen the range to hold error bars; upwards and downwards they may differ."""
    if (up := whiskers.get("array")) is not None:
        middle, down = np.asarray(values, float), whiskers.get("arrayminus", up)
        extent.hold(np.stack([middle - np.asarray(down, float), middle + np.asarray(up, float)]))


def cell_edges(centres: object) -> object:
    """The outer edges of the first and the last cell; words stay unchanged."""
    given = as_numbers(centres)
    if isinstance(given, list) or not given.size:
        return given
    steps = np.diff(given)
    first, last = (steps[0], steps[-1]) if steps.size else (1.0, 1.0)
    return np.array([given[0] - first / 2, given[-1] + last / 2])


def hold_stacks(extents: Mapping[str, Extent], traces: Sequence[Plain]) -> None:
    """Widen the ranges to hold stacked bars, upwards and downwards from zero."""
    ends: dict[tuple[str, object, bool], float] = defaultdict(float)
    for trace in traces:
        if trace["type"] == "bar":
            along, across = "xy" if trace.get("orientation") == "h" else "yx"
            axis, lengths = trace.get(f"{along}axis", along), as_numbers(trace[along])
            hold_whiskers(extents[axis], lengths, trace.get(f"error_{along}", {}))
            for place, length in zip(trace[across], lengths, strict=True):
                ends[axis, place, length < 0] += np.nan_to_num(length, posinf=0.0, neginf=0.0)
    for (axis, _, _), end in ends.items():
        extents[axis].hold(np.array([0.0, end]), padded=True)


def hold_in_space(extents: Mapping[str, Extent], trace: Plain) -> None:
    """Widen the ranges to hold a surface or a path in three dimensions."""
    for side in "xyz":
        hold(extents[f"{trace.get('scene', 'scene')}/{side}"], trace.get(side), is_log=False)


def join_matching(extents: Mapping[str, Extent], layout: Plain) -> None:
    """Give axes that move together the same range."""
    groups: dict[str, list[Extent]] = defaultdict(list)
    for name, extent in extents.items():
        if "/" not in name:
            groups[said_of(layout, name).get("matches", name)].append(extent)
    for group in groups.values():
        for extent in group[1:]:
            group[0].hold(np.array([extent.low, extent.high]), extent.padded)
            group[0].categories |= extent.categories
        for extent in group[1:]:
            extent.low, extent.high, extent.padded = group[0].low, group[0].high, group[0].padded
            extent.categories = group[0].categories


def say_nothing(figure: go.Figure | Sketch, layout: Plain, name: str, words: str) -> None:
    """Write in the middle of the frame that an axis has nothing to draw."""
    reference = f"{name} domain"
    if not any(a.get("yref") == reference and a.get("text") == words for a in layout.get("annotations", ())):
        figure.add_annotation(text=words, xref=f"x{name[1:]} domain", yref=reference, x=0.5, y=0.5, showarrow=False)


def at_edge(trace: Plain, edge: Edge, said: Callable[[str], Plain]) -> Plain:
    """The place of the marks of Inf, NaN and exact zeros: the end of the axis, of which `said` tells all."""
    side = "x" if edge in ("left", "right") else "y"
    axis = said(trace.get(f"{side}axis", side))
    level = sorted(axis["range"])[edge in ("top", "right")]
    count = len(trace["y" if side == "x" else "x"])
    with np.errstate(over="ignore"):  # beyond float64 Plotly has no place, and leaves the mark out
        return {side: np.full(count, np.power(10.0, level) if axis.get("type") == "log" else level)}

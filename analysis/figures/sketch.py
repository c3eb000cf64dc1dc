"""A figure while it is made: plain dictionaries, with those methods of Plotly's figure that our figures use.

Plotly's own objects check every property as it is set, which takes longer than a recorded pass. A picture that follows
a hand is made as a sketch and sent as one; `Sketch.figure` is the same as Plotly's object, checked.
"""

import base64
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy import ndarray
from plotly.colors import get_colorscale

Plain = dict[str, Any]
"""A trace or a layout."""


class Sketch:
    """Traces and a layout, each a plain dictionary as plotly.js reads it.

    A property has its full path, as `margin={"t": 48}`: there are no names with underscores such as `margin_t`.

    Example:
        >>> made = Sketch({"height": 300})
        >>> made.add_scatter(x=[1, 2], y=[3, 4], name=None)
        >>> made.data, made.figure().layout.height
        ([{'type': 'scatter', 'x': [1, 2], 'y': [3, 4]}], 300)
    """

    def __init__(self, layout: Mapping[str, Any]) -> None:
        self.data: list[Plain] = []
        self.layout: Plain = {}
        merge(self.layout, layout)

    def add_scatter(self, **trace: Any) -> None:
        """Add a line or points; what is None is left out."""
        self._add("scatter", trace)

    def add_heatmap(self, **trace: Any) -> None:
        """Add a map; a colour scale may be named."""
        if isinstance(scale := trace.get("colorscale"), str):
            trace["colorscale"] = _colours_of(scale)
        self._add("heatmap", trace)

    def _add(self, kind: str, trace: Plain) -> None:
        self.data.append({"type": kind} | {name: value for name, value in trace.items() if value is not None})

    def add_annotation(self, **words: Any) -> None:
        """Add words at a place."""
        self.layout["annotations"] = [*self.layout.get("annotations", ()), words]

    def add_hline(self, y: float, **line: Any) -> None:
        """Add a line across the chart at a height."""
        place = {"type": "line", "xref": "x domain", "x0": 0, "x1": 1, "yref": "y", "y0": y, "y1": y}
        self.layout["shapes"] = [*self.layout.get("shapes", ()), place | line]

    def update_layout(self, changes: Mapping[str, Any] | None = None, **more: Any) -> None:
        """Set some of the layout and leave the rest; None removes a property."""
        merge(self.layout, {**(changes or {}), **more})

    def update_xaxes(self, **changes: Any) -> None:
        """Set some of every horizontal axis."""
        self._update_axes("x", changes)

    def update_yaxes(self, **changes: Any) -> None:
        """Set some of every vertical axis."""
        self._update_axes("y", changes)

    def _update_axes(self, side: str, changes: Plain) -> None:
        for name in [name for name in self.layout if re.fullmatch(f"{side}axis[0-9]*", name)]:
            merge(self.layout[name], changes)

    def to_dict(self) -> Plain:
        """The figure as its JSON has it, arrays as base64; what is drawn later does not change it."""
        return {"data": sent(self.data), "layout": sent(self.layout)}

    def figure(self) -> go.Figure:
        """The same as Plotly's object.

        Raises:
            ValueError: a property that Plotly does not know, or a value that it does not allow.
        """
        return go.Figure({"data": unshared(self.data), "layout": unshared(self.layout)})


def merge(layout: Plain, changes: Mapping[str, Any]) -> None:
    """Set some of a layout and leave the rest, at every depth; None removes a property."""
    for name, value in changes.items():
        if value is None:
            layout.pop(name, None)
        elif isinstance(value, Mapping):
            if not isinstance(layout.get(name), dict):
                layout[name] = {}
            merge(layout[name], value)
        else:
            layout[name] = value


def unshared(value: Any) -> Any:
    """Dictionaries, and lists of them, of its own; all else is the same object."""
    if isinstance(value, Mapping):
        return {name: unshared(inner) for name, inner in value.items()}
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        return [unshared(inner) for inner in value]
    return value


TYPES = {
    "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4",
    "float32": "f4", "float64": "f8",
}  # fmt: skip
"""The arrays that plotly.js reads, and its names of them."""


def sent(value: Any) -> Any:
    """The same with arrays as base64, as Plotly's own `to_dict` has it.

    Plotly looks at each word of a list of hundreds, and asks of each array whether it comes from a table's column: a
    twentieth of the time from a hand to its picture.
    """
    if isinstance(value, ndarray):
        return as_base64(value)
    if isinstance(value, Mapping):
        return {name: inner if name == "range" else sent(inner) for name, inner in value.items()}
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        return [sent(inner) for inner in value]
    return value


def as_base64(array: ndarray) -> ndarray | dict[str, str]:
    """An array as plotly.js reads it; one of a type that it does not know, or without numbers, stays what it is."""
    if array.dtype == np.int64 and array.size:
        for narrow in (np.int8, np.int16, np.int32):
            if np.iinfo(narrow).min <= array.min() and array.max() <= np.iinfo(narrow).max:
                array = array.astype(narrow)
                break
    if (name := TYPES.get(array.dtype.name)) is None or not array.size:
        return array
    made = {"dtype": name, "bdata": base64.b64encode(array.tobytes()).decode("ascii")}
    return made | ({"shape": ", ".join(map(str, array.shape))} if array.ndim > 1 else {})


@lru_cache(maxsize=64)
def _colours_of(scale: str) -> list[list[Any]]:
    """A named colour scale; Plotly would read all its colours from their modules each time."""
    colours: list[list[Any]] = get_colorscale(scale)
    return colours


def layout_value(made: go.Figure | Sketch, name: str) -> Any:
    """A property of the layout; None where it is not set."""
    return made.layout.get(name) if isinstance(made, Sketch) else made.layout[name]


def count_named(made: go.Figure | Sketch) -> int:
    """How many lines and bars the legend names."""
    named = 0
    for trace in made.data:
        if trace["type"] in ("scatter", "bar"):  # others may have no such properties
            name, legend = (trace.get(x) if isinstance(trace, dict) else trace[x] for x in ("name", "showlegend"))
            named += bool(name) and legend is not False
    return named


def plain(made: go.Figure | Sketch) -> tuple[list[Plain], Plain]:
    """The traces and the layout as dictionaries that are only to be read."""
    if isinstance(made, Sketch):
        return made.data, made.layout
    return [trace.to_plotly_json() for trace in made.data], made.layout.to_plotly_json()

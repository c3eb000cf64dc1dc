"""A figure together with its words and numbers."""

import csv
import io
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import plotly.graph_objects as go

from analysis.figures.axes import set_axes
from analysis.figures.hover import write_hovers
from analysis.figures.sketch import Plain, Sketch, plain
from analysis.typeset import as_html


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure, its one-sentence caption, its description in words, and its numbers."""

    name: str
    """The name of downloaded files: short, without spaces."""
    made: go.Figure | Sketch
    """What `figure` is made of."""
    sentence: str
    """The caption: what the figure shows."""
    alt: str
    """The picture in words, with its numbers."""
    columns: Mapping[str, Sequence[object]] = field(default_factory=dict)
    """The numbers of the figure: columns of equal length."""
    why: str = ""
    """The rest of the explanation, shown on request (Markdown)."""

    def __post_init__(self) -> None:
        """Set the formulas of titles and legends, and give every axis a range of its own and every hover its words."""
        set_formulas(self.made)
        set_axes(self.made)
        write_hovers(self.made)

    @property
    def figure(self) -> go.Figure:
        """The figure as Plotly's object; a sketch becomes one, for good, when it is first asked for."""
        if isinstance(self.made, Sketch):
            object.__setattr__(self, "made", self.made.figure())
        return self.made

    def csv(self) -> str:
        """The numbers as CSV, one row per line; NaN and infinities as `nan`, `inf` and `-inf`."""
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(self.columns)
        writer.writerows(zip(*self.columns.values(), strict=True))
        return text.getvalue()

    def json_columns(self) -> dict[str, list[object]]:
        """The numbers as plain lists that JSON can hold; Inf and NaN as text."""
        return {name: [_plain(value) for value in values] for name, values in self.columns.items()}


def set_formulas(made: go.Figure | Sketch) -> None:
    """Set the formulas in the titles of a figure, of its axes and of its parts, in its legend and on hover."""
    traces, layout = plain(made)
    titled = {name: layout[name] for name in layout if re.fullmatch("[xy]axis[0-9]*", name)}
    changes: Plain = {name: {"title": words} for name, axis in titled.items() if (words := _typeset(axis.get("title")))}
    if words := _typeset(layout.get("title")):
        changes["title"] = words
    if any(_typeset(note) for note in layout.get("annotations", ())):
        changes["annotations"] = [{**note, **_typeset(note)} for note in layout["annotations"]]
    if changes:
        made.update_layout(changes)
    for trace, drawn in zip(traces, made.data, strict=True):
        said = {key: text for key in ("name", "hovertemplate") if isinstance(text := trace.get(key), str)}
        if changed := {key: as_html(text) for key, text in said.items() if "_" in text}:
            drawn.update(changed)


def _typeset(words: Plain | None) -> Plain:
    """Its text with the formulas set; empty where it has none."""
    text = (words or {}).get("text")
    return {"text": typeset} if text and (typeset := as_html(text)) != text else {}


def _plain(value: object) -> object:
    if isinstance(value, str | bool | int) or value is None:
        return value
    number = float(value)  # type: ignore[arg-type]
    return number if math.isfinite(number) else str(number)

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
from analysis.typeset import as_html


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure, its one-sentence caption, its description in words, and its numbers."""

    name: str
    """The name of downloaded files: short, without spaces."""
    figure: go.Figure
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
        set_formulas(self.figure)
        set_axes(self.figure)
        write_hovers(self.figure)

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


def set_formulas(figure: go.Figure) -> None:
    """Set the formulas in the titles of a figure, of its axes and of its parts, in its legend and on hover."""
    layout = figure.layout
    titles = [layout.title, *(layout[name].title for name in layout if re.fullmatch("[xy]axis[0-9]*", name))]
    for words in (*titles, *layout.annotations):
        if words.text and (typeset := as_html(words.text)) != words.text:
            words.text = typeset
    for trace in figure.data:
        said = {key: text for key in ("name", "hovertemplate") if isinstance(text := getattr(trace, key, None), str)}
        if changed := {key: as_html(text) for key, text in said.items() if "_" in text}:
            trace.update(changed)


def _plain(value: object) -> object:
    if isinstance(value, str | bool | int) or value is None:
        return value
    number = float(value)  # type: ignore[arg-type]
    return number if math.isfinite(number) else str(number)

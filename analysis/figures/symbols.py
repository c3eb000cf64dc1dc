"""The sequence itself: a symbol under every timestep, and how much the loss hears of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from analysis.figures.picture import Picture
from analysis.figures.sketch import plain
from analysis.figures.theme import cell_colour, cell_name, translucent
from analysis.numbers import LN_10

WIDTH = 130
"""Letters that fit side by side under a chart of a whole page; the browser leaves out more on a narrow one."""
ROW = 20
"""Pixels of a row under the chart."""
QUIETEST = -6.0
"""Powers of ten below the loudest symbol at which a symbol is not lit at all."""


@dataclass(frozen=True, eq=False)
class Symbols:
    """What one sequence has at each timestep."""

    texts: tuple[str, ...]
    """A word or a sign per timestep."""
    matters: Bool[ndarray, " time"]
    """Which of them tell something of the answer."""
    heard: Mapping[str, Float[ndarray, " time"]] = field(default_factory=dict)
    """Network → ln‖dL/dx_t‖ (nats) of this sequence, where the symbols are to be lit by it."""


def places(symbols: Symbols, width: int = WIDTH) -> list[int]:
    """The timesteps, from 0, whose symbols are written, those that matter first: all for which there is room."""
    T, taken, kept = len(symbols.texts), np.zeros(10 * width, bool), []
    sizes = [len(text) + (len(text) > 1) for text in symbols.texts]
    order = np.argsort(~symbols.matters, kind="stable").tolist()
    if sum(sizes) > 2 * width:  # few of those that tell nothing would fit, and say nothing
        order = order[: int(symbols.matters.sum())]
    for t in order:
        middle = (t + 0.5) / T * width
        span = slice(max(0, round(10 * middle - 5 * sizes[t])), round(10 * middle + 5 * sizes[t]))
        if not taken[span].any():
            taken[span] = True
            kept.append(t)
    return kept


def describe_places(symbols: Symbols, shown: Sequence[int]) -> str:
    """Which of a sequence's symbols are written, in words."""
    if len(shown) == len(symbols.texts):
        return "the batch's first sequence"
    if symbols.matters[[*shown]].all():
        return "what matters in the batch's first sequence"
    return "as much of the batch's first sequence as there is room for"


def with_symbols(picture: Picture, symbols: Symbols | None) -> Picture:
    """The picture with the sequence under its time axis, and the symbols' names for whoever hovers a timestep.

    Args:
        picture: over t = 1 … T, with one vertical axis.
        symbols: of the sequence; a row per network lights each of them by what that network's loss hears. None
            changes nothing.
    """
    if symbols is None or not symbols.texts:
        return picture
    made, (_, layout) = picture.made, plain(picture.made)
    t = np.arange(1, len(symbols.texts) + 1)
    rows = {cell: loudness(size) for cell, size in symbols.heard.items()}
    shown = places(symbols)
    height, margin = layout.get("height", 400), layout.get("margin", {})
    inner = max(height - margin.get("t", 64) - margin.get("b", 80), 100)
    strip = ROW * (1 + len(rows))
    share = strip / (inner + strip)
    made.update_layout(
        height=height + strip,
        meta={**layout.get("meta", {}), "symbols": [*symbols.texts]},
        yaxis={"domain": [share + 0.02, 1]},
        yaxis2={
            "domain": [0, share], "range": [len(rows) + 0.5, -0.5], "fixedrange": True, "showgrid": False,
            "zeroline": False, "ticks": "", "showline": False, "showticklabels": bool(rows), "tickfont": {"size": 10},
            "tickvals": [*range(1, len(rows) + 1)], "ticktext": [*map(cell_name, rows)],
        },
    )  # fmt: skip
    made.update_xaxes(anchor="y2")
    for k, (cell, row) in enumerate(rows.items(), 1):
        shades = [[0, translucent(cell_colour(cell), 0)], [1, translucent(cell_colour(cell), 0.95)]]
        made.add_heatmap(
            x=t, y=[k], z=row[None], yaxis="y2", zmin=QUIETEST, zmax=0, colorscale=shades, showscale=False, ygap=2,
            name="heard by the loss", text=[[cell_name(cell)] * len(t)],
            hovertemplate="%{text}, t = %{x}: %{z:size} of the largest dL/dx<sub>t</sub><extra></extra>",
        )  # fmt: skip
    if shown:
        made.add_scatter(
            x=[k + 1 for k in shown], y=np.zeros(len(shown)), text=[escaped(symbols.texts[k]) for k in shown],
            yaxis="y2", mode="text", textfont={"size": 11}, cliponaxis=False, showlegend=False, meta={"fits": True},
            name="the sequence", hovertemplate="t = %{x}: %{text}<extra></extra>",
        )  # fmt: skip
    columns = picture.columns
    if len(next(iter(columns.values()), ())) == len(t):
        columns = {**columns, "symbol": symbols.texts}
        columns |= {f"{cell} log10 of dL/dx_t against its largest": [*row] for cell, row in rows.items()}
    why = f"Below the axis stands {describe_places(symbols, shown)}."
    if rows:
        why += " What the loss hears is lit: the brighter, the larger dL/dx_t, relative to the largest of the row."
    return Picture(picture.name, made, f"{picture.sentence} {why}", picture.alt, columns, picture.why)


def loudness(log_norm: Float[ndarray, " time"]) -> Float[ndarray, " time"]:
    """log₁₀ of each size against the largest that is finite; NaN where it is not a number or infinite."""
    finite = log_norm[np.isfinite(log_norm)]
    largest = finite.max() if finite.size else 0.0
    made: ndarray = np.where(np.isfinite(log_norm), (log_norm - largest) / LN_10, np.nan)
    return made


def escaped(text: str) -> str:
    """A symbol as Plotly writes it: its letters, and no markup of its own."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

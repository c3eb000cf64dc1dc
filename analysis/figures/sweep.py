"""A sweep as heatmaps: one quantity over two axes, one panel for each value of the other axes."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from analysis.figures.parallel import value_ticks
from analysis.figures.picture import Picture
from analysis.figures.sweep_panel import (
    Cells,
    Heatmap,
    Side,
    alt_text,
    explanation,
    headline,
    hover,
    table,
)
from analysis.figures.theme import DIVERGING, ZERO_TO_ONE, grid

MOST_ACROSS = 2
"""Most panels side by side: with more, ticks cannot be read on a small screen."""
MOST_TICKS = 6
ROW_HEIGHT, BETWEEN, TOP, BOTTOM = 34, 60, 84, 84
"""Pixels of a heatmap's row, between two panels, above the first and below the last."""
PANEL_LETTERS = 14
CRITICAL = "#111111"
"""The colour of critical lines, which lie on the colours of the map, never on the page's background."""


def sweep_picture(
    panels: Sequence[Heatmap],
    rows: Side,
    columns: Side,
    label: str,
    sentence: str,
    *,
    diverging: bool = False,
    log: bool = False,
    what: str = "mean",
    chosen: tuple[int, int, int] | None = None,
) -> Picture:
    """One heatmap per panel, all on one colour scale; each cell can be clicked.

    Args:
        panels: the maps.
        rows: the axis upwards.
        columns: the axis to the right.
        label: the quantity with its unit.
        sentence: the meaning of the quantity.
        diverging: whether 0 has a meaning: then colours diverge around it, and a line marks where values cross it
            between numbers of both axes.
        log: whether colours follow the logarithm.
        what: `mean`, `spread` (standard deviation over seeds) or `runs` (how many have a finite value).
        chosen: panel, row and column of the cell that has a frame.
    """
    name = label.split(",")[0]
    title = {"mean": label, "spread": f"standard deviation of the {name}", "runs": f"runs with a value of the {name}"}[
        what
    ]
    beside = {"mean": label, "spread": "standard deviation", "runs": "runs"}[what]
    diverging, log = diverging and what == "mean", log and what == "mean"
    shown = [decades(getattr(panel, what)) if log else getattr(panel, what) for panel in panels]

    def maps(across: int) -> go.Figure:
        heading = headline(panels, rows, columns, title, diverging, what)
        made = heatmaps(panels, shown, rows, columns, heading, across, diverging)
        if chosen is not None and chosen[0] < len(panels):
            add_frame(made, chosen, across)
        made.update_layout(coloraxis=scale(shown, beside, diverging, log))
        return made

    made = maps(min(MOST_ACROSS, len(panels)))
    if len(panels) > 1:  # for a phone, one below the other: the same traces on other axes
        narrow = maps(1).layout.to_plotly_json()
        made.update_layout(meta={"narrow": {name: part for name, part in narrow.items() if name != "template"}})
    has_line = any(trace.type == "contour" for trace in made.data)
    return Picture(
        "sweep", made, explanation(panels, sentence, has_line, what), alt_text(panels, rows, columns, label),
        table(panels, rows, columns),
    )  # fmt: skip


def heatmaps(
    panels: Sequence[Heatmap],
    shown: Sequence[Cells],
    rows: Side,
    columns: Side,
    title: str,
    across: int,
    diverging: bool,
) -> go.Figure:
    """The panels' maps in `columns` columns; only the left and bottom axes have names."""
    down = -(-len(panels) // across)
    height = down * (max(len(rows.values), 4) * ROW_HEIGHT + BETWEEN) + TOP + BOTTOM
    made = grid(
        title, height, down, across, subplot_titles=[panel.label or " " for panel in panels],
        horizontal_spacing=0.09, vertical_spacing=BETWEEN / (height - TOP - BOTTOM),
    )  # fmt: skip
    named: set[str] = set()
    for k, (panel, values) in enumerate(zip(panels, shown, strict=True)):
        place = {"row": k // across + 1, "col": k % across + 1}
        made.add_trace(map_of(values), **place)
        between = values[: len(rows.numbers), : len(columns.numbers)]
        if diverging and crosses(between):
            made.add_trace(zero_line(between), **place)
        for trace in marks(panel, rows, columns, k, named):
            made.add_trace(trace, **place)
        add_critical(made, panel, columns, **place)
        at_bottom, at_left = k + across >= len(panels), k % across == 0
        for update, side, has_name in ((made.update_xaxes, columns, at_bottom), (made.update_yaxes, rows, at_left)):
            at = ticks(len(side.values))
            update(tickvals=at, ticktext=[side.texts[i] for i in at], showgrid=False, **place)
            update(title_text=side.name if has_name else "", range=[-0.5, len(side.values) - 0.5], **place)
    made.update_annotations(font_size=PANEL_LETTERS, selector={"xanchor": "center"})
    made.update_layout(
        hovermode="closest",
        hoverdistance=-1,  # all of a cell is its point's
        margin={"t": TOP, "l": 70, "r": 20, "b": BOTTOM},
        legend={"y": 0.0, "yref": "container", "yanchor": "bottom", "x": 0.0, "xanchor": "left", "orientation": "h"},
    )
    return made


def ticks(n: int) -> list[int]:
    """Which of n values are written at an axis: always the first and the last, which may lie far from the others."""
    stride = -(-n // MOST_TICKS)
    at = list(range(0, n, stride))
    return at if at[-1] == n - 1 else [*at[: -1 if len(at) > 1 else None], n - 1]


def map_of(values: Cells) -> go.Heatmap:
    """The colours."""
    finite = np.where(np.isfinite(values), values, np.nan)
    return go.Heatmap(z=finite, coloraxis="coloraxis", hoverinfo="skip", xgap=1, ygap=1)


def marks(panel: Heatmap, rows: Side, columns: Side, number: int, named: set[str]) -> list[go.Scatter]:
    """One clickable point per cell, visible only if runs diverged, failed, or have not been run."""
    j, i = (places.ravel() for places in np.meshgrid(np.arange(len(columns.values)), np.arange(len(rows.values))))
    there = np.isfinite(panel.planned[i, j])
    failed, diverged = panel.failed[i, j] > 0, panel.diverged[i, j] > 0
    empty = there & (panel.runs[i, j] == 0) & ~failed & ~diverged
    kinds = [
        ("failed", "cross", there & failed, 9, "#CC0000"),
        ("diverged", "x", there & diverged & ~failed, 9, "#CC0000"),
        ("no value", "circle-open", empty, 7, "#8a8f9c"),
        ("", "square", there & ~failed & ~diverged & ~empty, 16, "rgba(0,0,0,0)"),
    ]
    made = []
    for name, symbol, where, size, colour in kinds:
        if where.any():
            places = list(zip(i[where].tolist(), j[where].tolist(), strict=True))
            made.append(
                go.Scatter(
                    x=j[where],
                    y=i[where],
                    mode="markers",
                    name=name,
                    legendgroup=name,
                    showlegend=bool(name) and name not in named,
                    hoverinfo="text",
                    marker={
                        "symbol": symbol,
                        "size": size,
                        "color": colour,
                        "line": {"width": 1 if name else 0, "color": "white"},
                    },
                    hovertext=[hover(panel, a, b, rows, columns) for a, b in places],
                    customdata=[[number, a, b] for a, b in places],
                )
            )
            named.add(name)
    return made


def add_critical(made: go.Figure, panel: Heatmap, columns: Side, row: int, col: int) -> None:
    """Draw dashed lines at the critical values of theory, each with its name at the top."""
    for k, (name, value) in enumerate(panel.critical.items()):
        place = columns.place(value)
        if place is not None:
            made.add_vline(x=place, line={"color": "white", "width": 4}, opacity=0.6, row=row, col=col)  # on dark cells
            made.add_vline(
                x=place, line={"color": CRITICAL, "dash": ("dash", "dot")[k % 2], "width": 2}, row=row, col=col,
                annotation={"text": name, "font": {"size": 12, "color": CRITICAL}, "bgcolor": "rgba(255,255,255,0.8)",
                            "xanchor": "left", "yanchor": "top", "y": 1, "textangle": 0},
            )  # fmt: skip


def add_frame(made: go.Figure, chosen: tuple[int, int, int], across: int) -> None:
    """Draw a frame around the chosen cell, dark on bright cells and bright on dark ones."""
    panel, i, j = chosen
    for colour, width in (("white", 5), (CRITICAL, 2)):
        made.add_shape(
            type="rect", x0=j - 0.5, x1=j + 0.5, y0=i - 0.5, y1=i + 0.5, line={"color": colour, "width": width},
            row=panel // across + 1, col=panel % across + 1, name="chosen",
        )  # fmt: skip


def crosses(values: Cells) -> bool:
    """Whether values lie on both sides of 0, on a plane."""
    finite = values[np.isfinite(values)]
    return bool(min(values.shape) > 1 and finite.size and finite.min() < 0 < finite.max())


def zero_line(values: Cells) -> go.Contour:
    """The line on which the values are 0."""
    return go.Contour(
        z=np.where(np.isfinite(values), values, np.nan), showscale=False, hoverinfo="skip", showlegend=False,
        contours={"start": 0, "end": 0, "size": 1, "coloring": "none", "showlabels": False},
        line={"color": CRITICAL, "width": 3}, connectgaps=False,
    )  # fmt: skip


def scale(shown: Sequence[Cells], title: str, diverging: bool, log: bool) -> dict[str, object]:
    """The one colour scale of all panels."""
    values = np.concatenate([v[np.isfinite(v)] for v in shown])
    bar: dict[str, object] = {"thickness": 14, "len": 1.0, "title": {"text": title, "side": "right"}}
    if log:
        bar |= {key: at for key, at in value_ticks(values, log).items() if key.startswith("tick")}
    if diverging:
        reach = float(np.abs(values).max(initial=0.0)) or 1.0
        return {"colorscale": DIVERGING, "cmid": 0, "cmin": -reach, "cmax": reach, "colorbar": bar}
    return {"colorscale": ZERO_TO_ONE, "colorbar": bar}


def decades(values: Cells) -> Cells:
    """log₁₀ of positive values; NaN for all others."""
    return np.log10(np.where(values > 0, values, np.nan))

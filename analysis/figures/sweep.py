"""A sweep: one quantity over two axes as heatmaps, small multiples over the others, and profiles of a row."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float, Int
from numpy import ndarray
from plotly.colors import sample_colorscale

from analysis.figures.picture import Picture
from analysis.figures.theme import DIVERGING, LEGEND_RIGHT, LN_10, POWERS_OF_TEN, ZERO_TO_ONE, figure, grid
from analysis.wording import significant

Cells = Float[ndarray, "row column"]
MOST_ACROSS = 2
"""Panels beside each other: more make ticks that cannot be read on a small screen."""
MOST_TICKS = 6
ROW_HEIGHT, PANEL_HEAD = 34, 120
"""Pixels of a heatmap's row, and of what stands above and below it."""
CRITICAL = "#111111"
"""Critical lines are drawn on the colours of the map, never on the page's own background."""


@dataclass(frozen=True, eq=False)
class Panel:
    """One heatmap: what each cell's runs came down to, [row, column]; NaN where no run is planned."""

    label: str
    mean: Cells
    spread: Cells
    runs: Cells
    planned: Cells
    diverged: Cells
    failed: Cells
    critical: Mapping[str, float] = field(default_factory=dict)
    """Words → a value on the column axis at which theory draws a line."""


@dataclass(frozen=True)
class Side:
    """One axis: its name with its unit, and its values in order."""

    name: str
    values: tuple[object, ...]

    @property
    def texts(self) -> list[str]:
        """The values as ticks."""
        return [words(value) for value in self.values]

    def place(self, value: float) -> float | None:
        """Where a value falls between the positions 0, 1, …; None outside, or where values are not numbers.

        Between two values by their logarithms where both are positive, as critical values are ratios.
        """
        numbers = [v for v in self.values if isinstance(v, int | float) and not isinstance(v, bool)]
        if len(numbers) < 2 or not numbers[0] <= value <= numbers[-1]:
            return None
        log = numbers[0] > 0
        known = np.log(numbers) if log else np.array(numbers, dtype=float)
        return float(np.interp(math.log(value) if log else value, known, np.arange(len(numbers))))


def words(value: object) -> str:
    """A field's value as a tick says it."""
    if value is None:
        return "none"
    if isinstance(value, float):
        return f"{value:.3g}"
    return str(value)


def sweep_picture(
    panels: Sequence[Panel],
    rows: Side,
    columns: Side,
    label: str,
    sentence: str,
    *,
    diverging: bool = False,
    log: bool = False,
    what: str = "mean",
) -> Picture:
    """A heatmap a panel, all on one colour scale; each cell can be clicked.

    Args:
        panels: the maps.
        rows: the axis upwards.
        columns: the axis to the right.
        label: the quantity with its unit.
        sentence: what the quantity is.
        diverging: whether 0 means something: colours diverge around it, and a line is drawn where it is crossed.
        log: whether colours follow the logarithm.
        what: `mean`, `spread` (standard deviation over seeds) or `runs` (how many have a finite value).
    """
    across = min(MOST_ACROSS, len(panels))
    down = -(-len(panels) // across)
    height = down * (max(len(rows.values), 4) * ROW_HEIGHT + PANEL_HEAD) + 60
    title = {"mean": label, "spread": f"{label}: standard deviation over seeds", "runs": f"{label}: number of runs"}[
        what
    ]
    made = grid(
        headline(panels, columns, title, diverging and what == "mean"),
        height, down, across,
        subplot_titles=[panel.label or " " for panel in panels],
        horizontal_spacing=0.09, vertical_spacing=min(0.5, 95 / height),
    )  # fmt: skip
    logarithmic = log and what == "mean"
    shown = [decades(getattr(panel, what)) if logarithmic else getattr(panel, what) for panel in panels]
    named: set[str] = set()
    for k, (panel, values) in enumerate(zip(panels, shown, strict=True)):
        place = {"row": k // across + 1, "col": k % across + 1}
        made.add_trace(map_of(values, what), **place)
        if diverging and what == "mean" and crosses(values):
            made.add_trace(zero_line(values), **place)
        for trace in marks(panel, rows, columns, k, named):
            made.add_trace(trace, **place)
        add_critical(made, panel, columns, k // across + 1, k % across + 1)
        for update, side in ((made.update_xaxes, columns), (made.update_yaxes, rows)):
            stride = -(-len(side.values) // MOST_TICKS)
            at = list(range(0, len(side.values), stride))
            update(tickvals=at, ticktext=[side.texts[i] for i in at], title_text=side.name, showgrid=False, **place)
            update(range=[-0.5, len(side.values) - 0.5], **place)
    made.update_layout(
        coloraxis=scale(shown, title, diverging and what == "mean", logarithmic),
        margin={"t": 96, "l": 70, "r": 20, "b": 60},
        legend={"y": 1.0, "yref": "container", "yanchor": "top", "x": 1.0, "xanchor": "right", "orientation": "h"},
    )
    return Picture(
        "sweep", made, explanation(panels, sentence, diverging and what == "mean"),
        alt_text(panels, rows, columns, label), table(panels, rows, columns),
    )  # fmt: skip


def map_of(values: Cells, what: str) -> go.Heatmap:
    """The colours."""
    finite = np.where(np.isfinite(values), values, np.nan)
    return go.Heatmap(z=finite, coloraxis="coloraxis", hoverinfo="skip", xgap=1, ygap=1, name=what)


def hover(panel: Panel, i: int, j: int, rows: Side, columns: Side) -> str:
    """A cell in words."""
    head = f"{rows.name} {rows.texts[i]}, {columns.name} {columns.texts[j]}"
    if math.isnan(panel.planned[i, j]):
        return f"{head}<br>no run is planned here"
    spread = "" if math.isnan(panel.spread[i, j]) else f" ± {significant(float(panel.spread[i, j]))}"
    mean = "" if math.isnan(panel.mean[i, j]) else f"<br>{significant(float(panel.mean[i, j]))}{spread}"
    counts = f"<br>{panel.runs[i, j]:.0f} of {panel.planned[i, j]:.0f} runs have a value"
    for name in ("diverged", "failed"):
        if (count := getattr(panel, name)[i, j]) > 0:
            counts += f", {count:.0f} {name}"
    return head + mean + counts


def marks(panel: Panel, rows: Side, columns: Side, number: int, named: set[str]) -> list[go.Scatter]:
    """What can be clicked: one point a cell, seen only where runs diverged, failed, or have not been run."""
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
                    hovertext=[hover(panel, a, b, rows, columns) for a, b in zip(i[where], j[where], strict=True)],
                    customdata=[[number, int(a), int(b)] for a, b in zip(i[where], j[where], strict=True)],
                )
            )
            named.add(name)
    return made


def add_critical(made: go.Figure, panel: Panel, columns: Side, row: int, column: int) -> None:
    """Dashed lines where theory says that something changes, each named at its top."""
    for k, (name, value) in enumerate(panel.critical.items()):
        place = columns.place(value)
        if place is not None:
            made.add_vline(
                x=place, line={"color": CRITICAL, "dash": ("dash", "dot")[k % 2], "width": 2}, row=row, col=column,
                annotation={"text": name, "font": {"size": 11, "color": CRITICAL}, "bgcolor": "rgba(255,255,255,0.8)",
                            "yanchor": "top", "y": 1, "textangle": 0},
            )  # fmt: skip


def crosses(values: Cells) -> bool:
    """Whether there are values on both sides of 0."""
    finite = values[np.isfinite(values)]
    return bool(finite.size and finite.min() < 0 < finite.max() and min(values.shape) > 1)


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
        bar |= POWERS_OF_TEN
    if diverging:
        reach = float(np.abs(values).max(initial=0.0)) or 1.0
        return {"colorscale": DIVERGING, "cmid": 0, "cmin": -reach, "cmax": reach, "colorbar": bar}
    return {"colorscale": ZERO_TO_ONE, "colorbar": bar}


def decades(values: Cells) -> Cells:
    """log₁₀ of what is positive; NaN for the rest."""
    return np.log10(np.where(values > 0, values, np.nan))


def crossing(panel: Panel, columns: Side) -> float | None:
    """The column value at which the mean over rows crosses 0 from below, by linear interpolation; None without one."""
    numbers = [v for v in columns.values if isinstance(v, int | float)]
    mean = np.array([v[np.isfinite(v)].mean() if np.isfinite(v).any() else np.nan for v in panel.mean.T])
    for k in range(len(numbers) - 1):
        if mean[k] < -1e-9 and mean[k + 1] >= -1e-9:
            share = -mean[k] / (mean[k + 1] - mean[k])
            low, high = numbers[k], numbers[k + 1]
            return float(low * (high / low) ** share if low > 0 else low + share * (high - low))
    return None


def headline(panels: Sequence[Panel], columns: Side, title: str, diverging: bool) -> str:
    """What is seen, in a line."""
    found = {panel.label: crossing(panel, columns) for panel in panels} if diverging else {}
    at = [f"{place:.3g}{f' ({label})' if label else ''}" for label, place in found.items() if place is not None]
    if at:
        return f"{title.split(',')[0].capitalize()} crosses 0 at {columns.name} " + ", ".join(at)
    return title[:1].upper() + title[1:]


def explanation(panels: Sequence[Panel], sentence: str, diverging: bool) -> str:
    """What am I seeing?"""
    seen = f"Each cell is the mean over seeds: {sentence}."
    if diverging:
        seen += " The thick line is where it crosses 0."
    names = dict.fromkeys(name for panel in panels for name in panel.critical)
    if names:
        seen += f" Dashed: {', '.join(names)}"
        seen += "; left of the bound, γ·‖W‖ is below 1 and the gradient must vanish." if any_bound(names) else "."
    return seen


def any_bound(names: Iterable[str]) -> bool:
    """Whether one of the lines is a bound."""
    return any("bound" in name for name in names)


def alt_text(panels: Sequence[Panel], rows: Side, columns: Side, label: str) -> str:
    """The picture in words."""
    parts = [f"Heatmaps of {label} over {columns.name} and {rows.name}."]
    for panel in panels:
        finite = panel.mean[np.isfinite(panel.mean)]
        extent = (
            f"{significant(float(finite.min()))} to {significant(float(finite.max()))}" if finite.size else "no value"
        )
        lost = [
            f"{np.nansum(getattr(panel, n)):.0f} {n}" for n in ("diverged", "failed") if np.nansum(getattr(panel, n))
        ]
        parts.append(f"{panel.label or 'All runs'}: {extent}{', ' if lost else ''}{', '.join(lost)}.")
    return " ".join(parts)


def table(panels: Sequence[Panel], rows: Side, columns: Side) -> dict[str, list[object]]:
    """The numbers, one row a cell."""
    places = [(p, i, j) for p in panels for i in range(len(rows.values)) for j in range(len(columns.values))]
    out: dict[str, list[object]] = {"panel": [p.label for p, _, _ in places]}
    out[rows.name] = [words(rows.values[i]) for _, i, _ in places]
    out[columns.name] = [words(columns.values[j]) for _, _, j in places]
    for name in ("mean", "spread", "runs", "planned", "diverged", "failed"):
        out[name] = [float(getattr(p, name)[i, j]) for p, i, j in places]
    return out


@dataclass(frozen=True, eq=False)
class RowProfile:
    """The gradient profile of one run in a row."""

    label: str
    lag: Int[ndarray, " point"]
    log_norm: Float[ndarray, " point"]
    """Nats."""


def row_picture(title: str, profiles: Sequence[RowProfile]) -> Picture:
    """log₁₀‖dL/dh_t‖ over lag, the profiles of a row over each other, from dark (first value) to bright (last)."""
    made = figure(title, "lag from the loss, timesteps", "size of dL/dh_t", 380)
    made.update_yaxes(**POWERS_OF_TEN)
    shades = sample_colorscale("Viridis", [k / max(len(profiles) - 1, 1) * 0.92 for k in range(len(profiles))])
    columns: dict[str, list[object]] = {"run": [], "lag": [], "log_norm": []}
    for profile, shade in zip(profiles, shades, strict=True):
        y = np.where(np.isfinite(profile.log_norm), profile.log_norm, np.nan) / LN_10
        made.add_scatter(
            x=profile.lag, y=y, mode="lines", name=profile.label, line={"color": shade, "width": 2},
            hovertemplate=f"{profile.label}, lag %{{x}}: 10<sup>%{{y:.2f}}</sup><extra></extra>",
        )  # fmt: skip
        columns["run"] += [profile.label] * len(profile.lag)
        columns["lag"] += profile.lag.tolist()
        columns["log_norm"] += profile.log_norm.tolist()
    made.update_layout(legend=LEGEND_RIGHT)
    ends = [f"{p.label}: {p.log_norm[0] / LN_10:.1f} decades at lag {p.lag[0]}" for p in profiles if len(p.lag)]
    sentence = "The size of the total gradient at each distance from the loss, one line for each value of the row."
    return Picture("sweep-row", made, sentence, f"Gradient profiles. {'; '.join(ends)}.", columns)

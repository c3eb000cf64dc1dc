"""The main chart: the size of the total gradient over time, one line per cell."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from analysis.cell_state import CellStateProfile
from analysis.course import Course
from analysis.figures.among import Among
from analysis.figures.decades import decades_axis
from analysis.figures.edges import add_edge_marks, is_behind_the_end
from analysis.figures.hatch import NO_PATH, hatch
from analysis.figures.headline import describe_profile, headline, note_on_title, title_of_step
from analysis.figures.lines import mode_of
from analysis.figures.picture import Picture
from analysis.figures.sketch import Sketch
from analysis.figures.theme import (
    LEGEND_BELOW,
    NEUTRAL,
    TIMESTEPS,
    cell_colour,
    cell_name,
    cell_symbol,
    sketch,
    translucent,
    whole_ticks,
)
from analysis.numbers import LN_10
from analysis.profile import Profile

DASH_OF_RATE = {"mean field": "dashdot", "Lyapunov": "longdashdot"}

Log = Float[ndarray, " time"]

BOUND_ABOVE = 8 * LN_10
"""Nats above all gradients up to which a bound is drawn: a much larger bound would press the gradients flat."""


@dataclass(frozen=True)
class Rate:
    """By how much one cell's gradients change per step, as a theory or an exponent has it."""

    cell: str
    slope: float
    """Nats per step."""
    of: Literal["mean field", "Lyapunov"]


def profile_picture(
    profiles: Mapping[str, Profile],
    bounds: Mapping[str, Log],
    dtype: str,
    rates: Mapping[str, Rate] | None = None,
    *,
    transports: Mapping[str, Course] | None = None,
    direct: bool = False,
    pinned: Mapping[str, Profile] | None = None,
    among: Among | None = None,
    cell_states: Mapping[str, CellStateProfile] | None = None,
) -> Picture:
    """log₁₀‖dL/dh_t‖ over t, one line per cell.

    Args:
        profiles: cell → its profile; all of the same length.
        bounds: cell → upper bound on ln‖dL/dh_t‖ (nats), for the cells that have one.
        dtype: the networks' dtype; its smallest number is drawn as a level.
        rates: label → rate: lines of these slopes from the gradient at the loss.
        transports: cell → the course of the last loss's gradient, which gives the verdict; None: the profiles give it.
        direct: whether to draw the direct gradients, too.
        pinned: cell → an earlier profile for comparison, drawn thin and named A.
        among: the group if other profiles of this cell may take this one's place.
        cell_states: cell → its cell state over time, for the numbers below the picture.
    """
    if among is None:
        title = headline(profiles, transports or {})
    else:
        (p,) = profiles.values()
        title = title_of_step(p.median, reverse=bool(p.lag[0] < p.lag[-1]))
    note = note_on_title(profiles, transports or {}) if among is None else ""
    note += " A (dotted) is what was pinned, for comparison." if pinned else ""
    made = sketch(title, TIMESTEPS, "size of dL/dh_t", 430)
    # Below the chart: with everything shown beside the profiles, two rows above it would lie on the title.
    made.update_layout(legend=LEGEND_BELOW, margin={"t": 48})
    measured = np.concatenate([p.high[np.isfinite(p.high)] for p in profiles.values()])
    ceiling = np.max(measured, initial=-np.inf) + BOUND_ABOVE
    for cell, p in profiles.items():
        add_cell(made, cell, p, among)
        if direct:
            add_line(made, p.t, p.direct, f"{cell_name(cell)}: direct only", cell_colour(cell), "dot", 1.5)
        if cell in bounds:
            bound = np.where(bounds[cell] <= ceiling, bounds[cell], np.nan)
            if (bounds[cell] > ceiling).any():
                note += f" {cell_name(cell)}'s bound ends where it is far above all gradients."
            add_line(
                made, p.t, bound, f"{cell_name(cell)}: bound (γ·norm)<sup>lag</sup>", cell_colour(cell), "dash", 1.5
            )
    for cell, p in (pinned or {}).items():
        add_line(made, p.t, p.median, f"A: {cell_name(cell)}", translucent(cell_colour(cell), 0.6), "dot", 2.0)
    for label, rate in (rates or {}).items():
        p = profiles[rate.cell]
        with np.errstate(invalid="ignore"):  # a rate of −∞ times a lag of 0
            line = float(p.median[-1]) + rate.slope * p.lag
        add_line(made, p.t, line, label, translucent(cell_colour(rate.cell), 0.7), DASH_OF_RATE[rate.of], 1.5)
    add_levels(made, profiles, dtype)
    if among is None:
        made.update_yaxes(**decades_axis(trace["y"] for trace in made.data))
    else:
        made.update_yaxes(**{**decades_axis([np.array(among.ends)]), "range": among.ends})
    made.update_xaxes(**whole_ticks(len(next(iter(profiles.values())).t)))
    hatched = add_no_path(made, profiles)
    return Picture(
        "gradient-profile",
        made,
        "Each line is the size of the total gradient dL/dh_t. It begins at the last loss, at the right, and goes back "
        f"to the first input, at the left. The band holds the middle 80 % of the batch.{note}{hatched}",
        alt_text(profiles, transports or {}),
        columns(profiles, bounds)
        | cell_state_columns(cell_states or {}, len(next(iter(profiles.values())).t))
        | pinned_columns(pinned or {}, len(next(iter(profiles.values())).t)),
        WHY,
    )


WHY = r"""
**Total, not direct.** $dL/dh_t$ counts every way in which $h_t$ acts on the loss, through all later states: $dL/dh_t
= \text{direct}_t + (\partial h_{t+1} / \partial h_t)^\top \, dL/dh_{t+1}$. A straight line on this scale means that
every step multiplies the gradient by the same factor.

**The bound** (dashed, Elman only) is $(\gamma\,\lVert W\rVert)^{T-t}$ times the gradient at the loss, with $\lVert
W\rVert$ the largest singular value and $\gamma$ the steepest slope of the nonlinearity. Where $\gamma\,\lVert
W\rVert$ is below 1 it proves that the gradient vanishes; above 1 it proves nothing, and is drawn only up to 10⁸ times
the largest gradient.

**The dotted level** is the smallest number that the network's number format can hold: an ordinary norm would read 0
below it. Here the gradient is rescaled on its way, so the line goes on.
"""


def add_cell(made: Sketch, cell: str, p: Profile, among: Among | None) -> None:
    """Draw the 80 % band, the median, and marks at the edges for gradients that are exactly zero or have diverged."""
    name, colour, every = cell_name(cell), cell_colour(cell), 1 if among is None else among.every
    t, high, low, median = (values[::every] for values in (p.t, finite(p.high), finite(p.low), finite(p.median)))
    edge = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False, "legendgroup": name}
    made.add_scatter(x=t, y=high / LN_10, name=f"{name}: largest 10 %", **edge)
    made.add_scatter(
        x=t, y=low / LN_10, name=f"{name}: 80 % of the batch",
        fill="tonexty", fillcolor=translucent(colour, 0.16), **edge,
    )  # fmt: skip
    made.add_scatter(
        x=t, y=median / LN_10, mode=mode_of(median),
        line={"color": colour, "width": 2.5}, marker={"symbol": cell_symbol(cell)},
        name=name, legendgroup=name,
        hovertemplate=f"{name}, t = %{{x}}: %{{y:size}}<extra></extra>",
    )  # fmt: skip
    if among is None:
        marked = np.ones(len(p.t), bool) if p.no_path is None else ~p.no_path  # hatched, and no zero by chance
        add_edge_marks(made, p.t[marked], p.median[marked], name, colour)
        return
    marks = profile_frames(p.low, p.median, p.high, among)[3:]
    for y, symbol, what in zip(
        marks, ("triangle-down", "x"), ("exactly zero", "not a number, or infinite"), strict=True
    ):
        made.add_scatter(
            x=t, y=y, mode="markers", name=f"{name}: {what}", legendgroup=name, showlegend=False, cliponaxis=False,
            marker={"symbol": symbol, "color": colour, "size": 8},
            hovertemplate=f"{name}, t = %{{x}}: {what}<extra></extra>",
        )  # fmt: skip


def profile_frames(
    low: Float[ndarray, "*step time"], median: Float[ndarray, "*step time"], high: Float[ndarray, "*step time"],
    among: Among,
) -> Float[ndarray, "*step trace point"]:  # fmt: skip
    """The y values of the first traces of a picture made `among` others: log₁₀, float32, NaN for gaps.

    They are the band's two edges, the median, and marks at the ends of the axis: one trace for medians of exactly zero,
    one for medians of NaN or Inf.
    """
    bottom, top = among.ends
    lost = (np.isnan(median) & ~is_behind_the_end(median)) | np.isposinf(median)
    lines = (finite(values) / LN_10 for values in (high, low, median))
    marks = np.where(np.isneginf(median), bottom, np.nan), np.where(lost, top, np.nan)
    return np.stack([*lines, *marks], axis=-2)[..., :: among.every].astype(np.float32)


def add_no_path(made: Sketch, profiles: Mapping[str, Profile]) -> str:
    """Hatch the timesteps from which no cell has a path to a loss; a sentence for the caption, empty for none."""
    first = next(iter(profiles.values()))
    masks = [p.no_path for p in profiles.values() if p.no_path is not None]
    if len(masks) < len(profiles) or not hatch(made, first.t, [np.logical_and.reduce(masks)]):
        return ""
    return f" {NO_PATH} {first.why_no_path}"


def add_line(made: Sketch, t: ndarray, values: Log, name: str, colour: str, dash: str, width: float) -> None:
    """Draw a thin line in the same units as the profile."""
    made.add_scatter(
        x=t, y=finite(values) / LN_10, mode=mode_of(values), line={"color": colour, "width": width, "dash": dash},
        name=name, hovertemplate=f"{name}, t = %{{x}}: %{{y:size}}<extra></extra>",
    )  # fmt: skip


def add_levels(made: Sketch, profiles: Mapping[str, Profile], dtype: str) -> None:
    """Draw the smallest number of the dtype as a level, if the profiles come near it."""
    first = next(iter(profiles.values()))
    level = first.underflow_log / LN_10
    lowest = min((np.min(p.median[np.isfinite(p.median)], initial=0.0) for p in profiles.values()), default=0.0) / LN_10
    if lowest < 0.8 * level:
        made.add_scatter(
            x=[first.t[0], first.t[-1]], y=[level, level], mode="lines", hoverinfo="skip",
            line={"color": NEUTRAL, "dash": "dot", "width": 1.5}, name=f"smallest {dtype} number",
        )  # fmt: skip


def finite(values: Float[ndarray, "*shape"]) -> Float[ndarray, "*shape"]:
    """The values with NaN for Inf, so that the line has gaps there."""
    return np.where(np.isfinite(values), values, np.nan)


def alt_text(profiles: Mapping[str, Profile], transports: Mapping[str, Course]) -> str:
    """The picture in words."""
    return "Gradient profile. " + " ".join(
        f"{cell_name(cell)}: {'. '.join(describe_profile(p, transports.get(cell)))}." for cell, p in profiles.items()
    )


def columns(profiles: Mapping[str, Profile], bounds: Mapping[str, Log]) -> dict[str, list[float]]:
    """The numbers of the chart, log norms in nats."""
    first = next(iter(profiles.values()))
    out: dict[str, list[float]] = {"t": first.t.tolist(), "lag": first.lag.tolist()}
    for cell, p in profiles.items():
        out[f"{cell} log_norm median"] = p.median.tolist()
        out[f"{cell} log_norm 10%"] = p.low.tolist()
        out[f"{cell} log_norm 90%"] = p.high.tolist()
        out[f"{cell} direct log_norm median"] = p.direct.tolist()
        if cell in bounds:
            out[f"{cell} log bound"] = bounds[cell].tolist()
    return out


def cell_state_columns(cells: Mapping[str, CellStateProfile], length: int) -> dict[str, list[float]]:
    """The medians of ln‖dL/dc_t‖ and ln‖c_t‖ (nats) by t, NaN before the sequences that are kept begin."""
    out: dict[str, list[float]] = {}
    for cell, c in cells.items():
        for name, spread in (("cell_log_norm", c.log_norm), ("cell_state_log_size", c.log_size)):
            out[f"{cell} {name} median"] = [math.nan] * (length - len(c.t)) + spread.median.tolist()
    return out


def pinned_columns(pinned: Mapping[str, Profile], length: int) -> dict[str, list[float]]:
    """The pinned numbers by t, if their sequence has the same length."""
    return {f"A: {c} log_norm median": p.median.tolist() for c, p in pinned.items() if len(p.t) == length}

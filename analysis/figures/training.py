"""Charts of a training run: loss, gradient norm, spectrum, and the gradient over step × timestep."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float, Int
from numpy import ndarray

from analysis.figures.decades import decades_axis
from analysis.figures.edges import add_edge_marks
from analysis.figures.events import Event, add_events
from analysis.figures.line_ends import last, title_of_ends
from analysis.figures.lines import mode_of
from analysis.figures.picture import Picture
from analysis.figures.running_mean import running_mean
from analysis.figures.theme import LEGEND_BELOW, NEUTRAL, figure, translucent, whole_ticks
from analysis.numbers import LN_10
from analysis.wording import PERCENT, any_number, percent, power_of_ten, significant

Over = Float[ndarray, " step"]

MARGIN = 2.0
"""Percent above and below a line of shares, which lie from 0 to 100."""
LEAST_SPAN = 20.0
"""Percent that an axis of shares spans at least: without it the noise of a share that stays would fill the chart."""
MOST_POINTS = 2000
"""Most points of a line: more than a screen has columns."""


@dataclass(frozen=True, eq=False)
class Lane:
    """One run's scalars over its optimiser steps, for the lines of a chart."""

    label: str
    colour: str
    step: Int[ndarray, " step"]
    loss: Over
    chance: float
    log_norm_before: Float[ndarray, " known"]
    """ln of the global gradient norm (nats), before clipping; empty for a chart of losses alone."""
    log_norm_after: Float[ndarray, " known"]
    events: Sequence[tuple[int, str]] = ()
    """(step, what happened)."""
    dash: str = "solid"
    members: Sequence[Over] = ()
    """The losses of several runs that are one line, their median, with a band from the lowest to the highest."""


def loss_picture(lanes: Sequence[Lane]) -> Picture:
    """log₁₀ of the loss over steps, with the loss of a guess."""
    ends = [(lane.label, _loss_at_the_end(lane)) for lane in lanes]
    made = figure(title_of_ends("Loss", ends, _describe_loss, "lowest at the end"), "optimiser step", "loss", 320)
    decades = span([np.log10(v[np.isfinite(v) & (v > 0)]) for v in (lane.loss for lane in lanes)])
    if decades > 1:
        made.update_yaxes(**_logarithmic(decades))
    made.update_layout(legend=LEGEND_BELOW, margin_t=48)
    columns: dict[str, list[object]] = {"run": [], "step": [], "loss": []}
    for lane in lanes:
        keep = thinned(len(lane.step))
        window = window_of(lane)
        if lane.members:
            add_band(made, lane, keep, np.stack([running_mean(loss, window) for loss in lane.members]))
        else:
            add_line(made, lane, lane.step[keep], lane.loss[keep], f"{lane.label}: each batch", faint=True)
            add_line(made, lane, lane.step[keep], running_mean(lane.loss, window)[keep], lane.label)
        # without a logarithm an exact zero is a value like others
        size = np.log(lane.loss[keep]) if made.layout.yaxis.type == "log" else lane.loss[keep]
        add_edge_marks(made, lane.step[keep], size, lane.label, lane.colour, along="step")
        for k, loss in enumerate(lane.members or [lane.loss]):
            columns["run"] += [f"{lane.label}: {k + 1}" if lane.members else lane.label] * len(lane.step)
            columns["step"] += lane.step.tolist()
            columns["loss"] += loss.tolist()
    until = max((last_step(lane) for lane in lanes), default=1)
    chances = sorted({lane.chance for lane in lanes if not math.isnan(lane.chance)})
    for chance in chances:
        made.add_scatter(
            x=[0, until], y=[chance, chance], mode="lines", name=f"a guess: {significant(chance)}", hoverinfo="skip",
            line={"color": NEUTRAL, "dash": "dot"},
        )  # fmt: skip
    made.update_xaxes(**whole_ticks(max(map(last_step, lanes), default=0)))
    _mark_events(made, lanes)
    joined = any(lane.members for lane in lanes)
    return Picture(
        "loss",
        made,
        ("The loss of each batch" + (" (faint) and its running mean" if any(map(_is_smoothed, lanes)) else ""))
        + ("; of several seeds, the median and a band from the lowest to the highest" if joined else "")
        + ("; a network that learns falls below the dotted level." if chances else "."),
        "Loss over steps. "
        + "; ".join(
            f"{label} {_describe_loss(end)} at step {last_step(lane)}"
            for (label, end), lane in zip(ends, lanes, strict=True)
        ),
        columns,
    )


def _loss_at_the_end(lane: Lane) -> float:
    """The running mean at the last step; Inf if it has diverged, NaN without a step."""
    end = last(running_mean(lane.loss, window_of(lane)))
    return math.inf if len(lane.loss) and not math.isfinite(end) else end


def _describe_loss(end: float) -> str:
    return "no step yet" if math.isnan(end) else significant(end) if math.isfinite(end) else "diverged"


def window_of(lane: Lane) -> int:
    """The steps of a running mean: a hundredth of all."""
    return max(1, len(lane.step) // 100)


def _logarithmic(decades: float) -> dict[str, object]:
    """A logarithmic axis over so many decades."""
    return {"type": "log", "exponentformat": "power", "dtick": max(1, math.ceil(decades / 6))}


def span(values: Sequence[ndarray]) -> float:
    """From the smallest to the largest finite value of all arrays."""
    finite = np.concatenate([v[np.isfinite(v)] for v in values]) if values else np.empty(0)
    return float(np.ptp(finite)) if finite.size else 0.0


def _is_smoothed(lane: Lane) -> bool:
    """Whether a hundredth of the steps are several, whose mean differs from each."""
    return len(lane.step) >= 200


def _describe_norms(has_threshold: bool, has_clipped: bool, is_smoothed: bool) -> str:
    sentence = "The norm of the whole gradient before clipping" if has_threshold else "The norm of the whole gradient"
    sentence += ": each step (faint) and a running mean of its logarithm." if is_smoothed else ", at each step."
    sentence += " The horizontal line is the clip threshold." if has_threshold else ""
    return sentence + (" Triangles mark clipped steps." if has_clipped else "")


def _title_of_norms(lanes: Sequence[Lane], clipped: Mapping[str, float]) -> str:
    """The share of clipped steps where something clips, else the norms at the end."""
    if clipped:
        return title_of_ends("Gradient norm; clipped steps", [*clipped.items()], percent, "highest")
    ends = [(lane.label, _log_norm_at_the_end(lane)) for lane in lanes]
    return title_of_ends("Gradient norm", ends, lambda log_norm: power_of_ten(log_norm / LN_10))


def _log_norm_at_the_end(lane: Lane) -> float:
    """The running mean at the last step, or what stands there if that is no finite number."""
    end = last(lane.log_norm_before)
    return last(running_mean(lane.log_norm_before, window_of(lane))) if math.isfinite(end) else end


def norm_picture(lanes: Sequence[Lane], thresholds: Mapping[str, float | None]) -> Picture:
    """log₁₀ of the global gradient norm over steps, its threshold, and every clipped step marked."""
    clipped = {lane.label: lane.log_norm_after < lane.log_norm_before for lane in lanes}
    share = {label: float(np.mean(c)) if len(c) else 0.0 for label, c in clipped.items()}
    clips = any(threshold is not None for threshold in thresholds.values()) or any(share.values())
    told = {label: value for label, value in share.items() if value or thresholds.get(label) is not None}
    made = figure(_title_of_norms(lanes, told), "optimiser step", "gradient norm", 320)
    made.update_yaxes(**decades_axis(lane.log_norm_before / LN_10 for lane in lanes))
    made.update_layout(legend=LEGEND_BELOW, margin_t=48)
    columns: dict[str, list[object]] = {"run": [], "step": [], "log_norm before": [], "log_norm after": []}
    for lane in lanes:
        keep = thinned(len(lane.step))
        y = np.where(np.isfinite(lane.log_norm_before), lane.log_norm_before, np.nan) / LN_10
        smooth = running_mean(y, max(1, len(y) // 100))
        add_line(made, lane, lane.step[keep], y[keep], f"{lane.label}: each step", faint=True)
        add_line(made, lane, lane.step[keep], smooth[keep], lane.label, kind="size")
        add_edge_marks(made, lane.step[keep], lane.log_norm_before[keep], lane.label, lane.colour, along="step")
        marked = np.flatnonzero(clipped[lane.label])
        if len(marked):
            marked = marked[thinned(len(marked))]
            made.add_scatter(
                x=lane.step[marked], y=y[marked], mode="markers", name=f"{lane.label}: clipped",
                marker={"color": lane.colour, "symbol": "triangle-down-open", "size": 6},
                hovertemplate="step %{x}: %{y:size}, clipped<extra></extra>",
            )  # fmt: skip
        threshold = thresholds.get(lane.label)
        if threshold is not None:
            made.add_hline(y=float(np.log10(threshold)), line={"color": lane.colour, "dash": "dash", "width": 1})
        columns["run"] += [lane.label] * len(lane.step)
        columns["step"] += lane.step.tolist()
        columns["log_norm before"] += lane.log_norm_before.tolist()
        columns["log_norm after"] += lane.log_norm_after.tolist()
    made.update_xaxes(**whole_ticks(max(map(last_step, lanes), default=0)))
    _mark_events(made, lanes)
    return Picture(
        "gradient-norm",
        made,
        _describe_norms(clips, any(share.values()), any(map(_is_smoothed, lanes))),
        "Gradient norm over steps. "
        + "; ".join(f"{label}: {percent(value)} of the steps clipped" for label, value in share.items()),
        columns,
    )


def lines_picture(
    name: str,
    title: str,
    y_title: str,
    sentence: str,
    lines: Sequence[tuple[str, str, str, Int[ndarray, " _"], Float[ndarray, " _"]]],
    level: float | None = None,
    unit: str = "",
) -> Picture:
    """Lines over steps: (label, colour, dash, step, value) each; `level` is drawn dotted, `unit` is said.

    Sizes over more than a decade have a logarithmic axis, at whose edge zeros stand.
    """
    made = figure(title, "optimiser step", y_title, 290 + 10 * len(lines))
    columns: dict[str, list[object]] = {"line": [], "step": [], "value": []}
    for label, colour, dash, step, value in lines:
        keep = thinned(len(step))
        made.add_scatter(
            x=step[keep], y=np.where(np.isfinite(value), value, np.nan)[keep], mode=mode_of(value), name=label,
            line={"color": colour, "dash": dash}, zorder=height_of(dash),
            hovertemplate=f"{label}, step %{{x}}: %{{y:number}}{unit}<extra></extra>",
        )  # fmt: skip
        columns["line"] += [label] * len(step)
        columns["step"] += step.tolist()
        columns["value"] += value.tolist()
    made.update_layout(legend=LEGEND_BELOW, margin_t=48)
    made.update_yaxes(ticksuffix=unit)
    made.update_xaxes(**whole_ticks(max((int(step[-1]) for *_, step, _ in lines if len(step)), default=0)))
    finite = [value[np.isfinite(value)] for *_, value in lines]
    decades = span([np.log10(value[value > 0]) for value in finite])
    if not unit and decades > 1 and all((value >= 0).all() for value in finite):
        made.update_yaxes(**_logarithmic(decades))
        for label, colour, _, step, value in lines:
            keep = thinned(len(step))
            with np.errstate(divide="ignore"):
                add_edge_marks(made, step[keep], np.log(value[keep]), label, colour, along="step")
    if unit == PERCENT and (known := [value for value in finite if len(value)]):
        made.update_yaxes(range=share_range(np.concatenate(known)))
        made.update_traces(cliponaxis=False, selector={"mode": "lines+markers"})  # a whole mark at 100 %
    if finite and max(map(len, finite)) == 1:  # around one step Plotly would show parts of steps
        made.update_xaxes(range=[0, 1.05 * max(1, *(int(step[-1]) for *_, step, _ in lines if len(step)))])
    if level is not None:
        made.add_hline(y=level, line={"color": NEUTRAL, "dash": "dot"})
    now = ", ".join(f"{label} {any_number(last(value))}{unit}" for label, _, _, _, value in lines)
    return Picture(name, made, sentence, f"{title}. Now: {now}.", columns)


def share_range(shares: Float[ndarray, " _"]) -> list[float]:
    """The axis around shares in percent."""
    low, high = max(float(shares.min()) - MARGIN, 0.0), min(float(shares.max()) + MARGIN, 100.0)
    low = max(0.0, min(low, high - LEAST_SPAN))
    return [low, max(high, low + LEAST_SPAN)]


def height_of(dash: str) -> int:
    """A line's place above the others: under a solid line a dashed one that is equal could not be seen."""
    return 1 if dash == "solid" else 2


def add_line(
    made: go.Figure, lane: Lane, x: ndarray, y: Over, name: str, faint: bool = False, kind: str = "number"
) -> None:
    """One lane's line; of kind `size` where it is log₁₀ of what is said on hover."""
    made.add_scatter(
        x=x, y=np.where(np.isfinite(y), y, np.nan), mode=mode_of(y), name=name, opacity=0.25 if faint else 1.0,
        line={"color": lane.colour, "dash": "solid" if faint else lane.dash, "width": 1 if faint else 2},
        zorder=0 if faint else height_of(lane.dash), showlegend=not faint, hoverinfo="skip" if faint else None,
        hovertemplate=None if faint else f"{name}, step %{{x}}: %{{y:{kind}}}<extra></extra>",
    )  # fmt: skip


def add_band(made: go.Figure, lane: Lane, keep: ndarray, values: Float[ndarray, "run step"]) -> None:
    """A line through the median of several runs, and a band from their lowest to their highest value."""
    known = np.where(np.isfinite(values), values, np.nan)[:, keep]
    some = ~np.isnan(known).all(axis=0)
    x, known = lane.step[keep][some], known[:, some]
    if not x.size:
        return
    low, high = np.nanmin(known, axis=0), np.nanmax(known, axis=0)
    made.add_scatter(
        x=np.concatenate([x, x[::-1]]), y=np.concatenate([high, low[::-1]]), fill="toself", hoverinfo="skip",
        fillcolor=translucent(lane.colour, 0.2), line={"width": 0}, name=f"{lane.label}: all seeds", showlegend=False,
    )  # fmt: skip
    add_line(made, lane, x, np.nanmedian(known, axis=0), lane.label)


def _mark_events(made: go.Figure, lanes: Sequence[Lane]) -> None:
    events = [Event(step, words, lane.label, lane.colour) for lane in lanes for step, words in lane.events]
    first = min((int(lane.step[0]) for lane in lanes if len(lane.step)), default=0)
    add_events(made, events, max(map(last_step, lanes), default=0), first)


def thinned(n: int) -> ndarray:
    """At most 2,000 of n indices, including the last."""
    if n <= MOST_POINTS:
        return np.arange(n)
    return np.unique(np.linspace(0, n - 1, MOST_POINTS).astype(int))


def last_step(lane: Lane) -> int:
    """The last step of a lane; 0 if there is none."""
    return int(lane.step[-1]) if len(lane.step) else 0

"""All runs of a sweep as lines through parallel axes: one axis per setting, the last one the quantity."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float
from numpy import ndarray

from analysis.figures.picture import Picture
from analysis.figures.sweep_panel import number_or_words, tick, words
from analysis.figures.theme import figure
from analysis.importance import places_of, sort_key
from analysis.wording import counted, power_of_ten, significant

MOST_TICKS = 8
LINES = [[0, "#0072B2"], [0.5, "#8a8f9c"], [1, "#D55E00"]]
"""Colours of lines from the smallest to the largest value, that can be seen on the light and on the dark page."""
FEW_DECADES = 2.5
"""Up to so many, the ticks of a logarithmic axis are round numbers instead of powers of ten."""
MOST_RUNS = 2000
"""Lines that are drawn: with more, none can be told from another."""
HEIGHT = 460


def parallel_picture(
    settings: Mapping[str, Sequence[object]],
    quantity: str,
    values: Float[ndarray, " run"],
    *,
    log: bool = False,
    diverging: bool = False,
) -> Picture:
    """A line per run with a finite value, in the colour of the value; drag along an axis to keep only some runs.

    Args:
        settings: name of a setting → its value in each run.
        quantity: the name of the last axis.
        values: the quantity of each run.
        log: whether colours and the last axis follow the logarithm.
        diverging: whether 0 has a meaning; it is grey where values lie on both of its sides.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        height = np.log10(np.where(values > 0, values, np.nan)) if log else values
    known = np.flatnonzero(np.isfinite(height))
    shown, lost = known[:MOST_RUNS], len(values) - len(known)
    axes = [axis_of(name, [given[k] for k in shown]) for name, given in settings.items()]
    last = {"label": quantity.split(",")[0], "values": height[shown], **value_ticks(height[shown], log)}
    made = figure(f"{quantity[:1].upper()}{quantity[1:]}: {counted(len(shown), 'run')}", "", "", HEIGHT)
    made.update_xaxes(visible=False)
    made.update_yaxes(visible=False)
    reach = float(np.abs(height[shown]).max(initial=0.0)) or 1.0
    has_both = bool(np.any(height[shown] < 0) and np.any(height[shown] > 0))
    ends = {"cmin": -reach, "cmax": reach} if diverging and has_both and not log else {}
    made.add_trace(
        go.Parcoords(
            dimensions=[*axes, last], labelangle=-25, labelside="top", name="runs",
            line={"color": height[shown], "colorscale": LINES, **ends},
            unselected={"line": {"color": "#8a8f9c", "opacity": 0.15}},
        )
    )  # fmt: skip
    made.update_layout(margin={"t": 140, "l": 60, "r": 70, "b": 24})
    left = f" {counted(lost, 'run')} without a value {'is' if lost == 1 else 'are'} not drawn." if lost else ""
    if len(known) > MOST_RUNS:
        left += f" Only the first {MOST_RUNS:,} of {len(known):,} runs with a value are drawn."
    return Picture(
        "sweep-runs",
        made,
        "One line per run, from its settings to its result, in the colour of the result. Drag along an axis to see "
        f"only the runs that pass there; click the axis to see all again.{left}",
        describe(settings, quantity, values),
        {
            **{name: [number_or_words(value) for value in given] for name, given in settings.items()},
            quantity: values.tolist(),
        },
    )


def axis_of(name: str, given: Sequence[object]) -> dict[str, object]:
    """One setting's axis: its values at equal distances, whatever they are."""
    different = sorted(dict.fromkeys(given), key=sort_key)
    ticks = range(0, len(different), max(1, -(-len(different) // MOST_TICKS)))
    return {
        "label": name, "values": places_of(given), "range": [-0.1, max(len(different) - 0.9, 0.1)],
        "tickvals": [*ticks], "ticktext": [tick(different[k]) for k in ticks],
    }  # fmt: skip


def value_ticks(height: Float[ndarray, " run"], log: bool) -> dict[str, object]:
    """Ticks of the last axis in words: the browser would write 1e-5."""
    if not height.size:
        return {}
    low, high = float(height.min()), float(height.max())
    if low == high:
        at = np.array([low])
    elif log and -4 < low < high < 4 and 1 + 1e-6 < 10 ** (high - low) < 2:  # perhaps no 1, 2 or 5 lies between
        at = np.log10(round_numbers(10**low, 10**high))
    else:
        at = round_decades(low, high) if log and high - low < FEW_DECADES else round_numbers(low, high)
    reach = {"range": [min(low, float(at[0])), max(high, float(at[-1]))]} if len(at) > 1 else {}
    return {"tickvals": at.tolist(), "ticktext": [tick_text(x, log) for x in at.tolist()], **reach}


def tick_text(x: float, log: bool) -> str:
    """A number of the last axis, or the one of which it is the logarithm."""
    return significant(10**x) if log and abs(x) < 4 else power_of_ten(x) if log else significant(x)


def round_decades(low: float, high: float) -> Float[ndarray, " tick"]:
    """log₁₀ of round numbers from just below `low` to just above `high`: of 1, 2 and 5, or of 1 to 9 within a decade.

    Example:
        >>> (10 ** round_decades(-0.42, 0.02)).round(2).tolist()
        [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 2.0]
    """
    digits = (1, 2, 5) if high - low > 0.7 else range(1, 10)
    powers = range(math.floor(low) - 1, math.ceil(high) + 2)
    at = np.array([power + math.log10(digit) for power in powers for digit in digits])
    return at[max(np.searchsorted(at, low, "right") - 1, 0) : np.searchsorted(at, high, "left") + 1]


def round_numbers(low: float, high: float) -> Float[ndarray, " tick"]:
    """Four to ten round numbers, from just below `low` to just above `high`: 1, 2 or 5 times a power of ten.

    Example:
        >>> round_numbers(-0.7, 9).tolist()
        [-2.0, 0.0, 2.0, 4.0, 6.0, 8.0, 10.0]
    """
    half = high / 2 - low / 2  # high - low may be beyond float64
    power = 10.0 ** math.floor(math.log10(half))
    step = next(power * k for k in (0.2, 0.5, 1.0, 2.0, 5.0) if half / (power * k) < 4)
    with np.errstate(over="ignore"):
        at = np.round(np.arange(math.floor(low / step), math.ceil(high / step) + 1)) * step
    return at[np.isfinite(at)]


def describe(settings: Mapping[str, Sequence[object]], quantity: str, values: Float[ndarray, " run"]) -> str:
    """The picture in words: between which runs the quantity is smallest and largest."""
    known = np.flatnonzero(np.isfinite(values))
    if not known.size:
        return f"No run has a value of {quantity} yet."
    ends = []
    for which, k in (("smallest", known[values[known].argmin()]), ("largest", known[values[known].argmax()])):
        of = ", ".join(f"{name} {words(given[k])}" for name, given in settings.items())
        ends.append(f"{which} {significant(float(values[k]))} with {of}")
    return f"{quantity[:1].upper()}{quantity[1:]} of {counted(len(known), 'run')}: {'; '.join(ends)}."

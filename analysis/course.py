"""Does a gradient vanish, explode or stay? One function decides, and every title, table and finding uses its words.

It decides about two things, which may differ. A *profile* is dL/dh_t of a pass: a loss at every step adds to it on the
way. *Transport* follows the gradient that enters at the last step, over the lags that the task needs.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from analysis.numbers import LN_10
from analysis.wording import are, counted, power_of_ten

VANISHED, GONE = math.log(1e-3), math.log(1e-7)
"""Nats: less than a thousandth of the gradient is left, or less than 1e-7 of it (float32's precision)."""

EXPLODED, OVERWHELMING = math.log(1e3), math.log(1e7)
"""Nats: the gradient has become more than a thousand times as large, or 1e7 times."""

KEPT = math.log(2)
"""Nats: a gradient that changes by less keeps its size, and a shallower turn does not count as a turn."""

Kind = Literal["diverged", "zero", "vanishes", "explodes", "arrives"]


@dataclass(frozen=True, eq=False)
class Course:
    """The course of a gradient from lag 0 to the last lag."""

    kind: Kind
    log: Float[ndarray, " lag"]
    """ln of its size at each lag (nats); −inf for exactly zero, NaN or inf for a gradient that has diverged."""
    start: int = 0
    """The first lag at which the gradient is not zero."""
    diverged: int = 0
    """How many gradients are not finite; 0 if only a state or the loss is not finite."""
    of: str = "the gradient"
    """Which gradient this is, in words."""
    has_no_path: bool = False
    """Whether no path leads from the last lag to a loss, whatever the weights are: truncation cuts it."""

    @property
    def verb(self) -> str:
        """The word for what the gradient does, the same everywhere."""
        return "ends" if self.ends else VERBS[self.kind]

    @property
    def ends(self) -> bool:
        """Whether it does not vanish but is cut."""
        return self.kind == "vanishes" and self.has_no_path and self.zero_from is not None

    @property
    def lag(self) -> int:
        """The last lag."""
        return len(self.log) - 1

    @property
    def log_left(self) -> float:
        """ln of the size at the last lag ÷ the size at the start (nats)."""
        return float(self.log[-1] - self.log[self.start])

    @property
    def highest(self) -> int:
        """The lag of the largest gradient."""
        return int(np.argmax(self.log))

    @property
    def log_growth(self) -> float:
        """ln of the largest size ÷ the size at the start (nats)."""
        return float(self.log[self.highest] - self.log[self.start])

    @property
    def zero_from(self) -> int | None:
        """The lag from which on the gradient is exactly zero; None if it is not zero at the last lag."""
        return from_which_on(np.isneginf(self.log))

    @property
    def gone_from(self) -> int | None:
        """The lag from which on less than 1e-7 of the gradient is left; None if more is left at the last lag."""
        return from_which_on(self.log < self.log[self.start] + GONE)


def course(
    log_by_lag: Float[ndarray, " lag"], diverged: int = 0, of: str = "the gradient", has_no_path: bool = False
) -> Course:
    """Decide what a gradient does from lag 0 to the last lag.

    Args:
        log_by_lag: ln of its size at lag 0, 1, … (nats).
        diverged: how many of the gradients behind it are not finite.
        of: which gradient this is, in words.
        has_no_path: whether no path leads from the last lag to a loss.
    """
    log = np.asarray(log_by_lag, dtype=float)
    broken = int(np.sum(np.isnan(log) | np.isposinf(log)))
    if broken or diverged:
        return Course("diverged", log, 0, max(broken, diverged), of)
    if not np.isfinite(log).any():
        return Course("zero", log, 0, 0, of)
    start = int(np.argmax(np.isfinite(log)))
    kind: Kind = "arrives"
    if log[-1] - log[start] < VANISHED:
        kind = "vanishes"
    elif log.max() - log[start] > EXPLODED:
        kind = "explodes"
    return Course(kind, log, start, 0, of, has_no_path)


def from_which_on(holds: Bool[ndarray, " lag"]) -> int | None:
    """The first lag from which on a condition always holds; None if it does not hold at the last lag."""
    if not len(holds) or not holds[-1]:
        return None
    broken = np.flatnonzero(~holds)
    return int(broken[-1]) + 1 if broken.size else 0


VERBS: dict[Kind, str] = {
    "diverged": "diverges",
    "zero": "is zero everywhere",
    "vanishes": "vanishes",
    "explodes": "explodes",
    "arrives": "arrives",
}
"""The word for what a gradient does, the same everywhere."""


def describe_course(c: Course) -> str:
    """What the gradient does, as the rest of a sentence whose subject is the gradient."""
    if c.kind == "diverged":
        return f"diverges: {counted(c.diverged, 'value')} {are(c.diverged)} not finite" if c.diverged else "diverges"
    enters = f" (exactly zero before lag {c.start})" if 0 < c.start < c.lag else ""
    if c.kind in ("vanishes", "explodes"):
        return f"{c.verb}: {describe_change(c)}{enters}"
    return f"{describe_sizes(c)}{enters}"


def begin_sentence(c: Course) -> str:
    """A sentence without its full stop: the gradient's name and what it does."""
    return f"{c.of[0].upper()}{c.of[1:]} {describe_course(c)}"


def describe_change(c: Course) -> str:
    """How much is left of a gradient that vanishes, or how far it grows, and at which lag."""
    grown = f"{format_ratio(c.log_growth)} times its size at lag {c.highest}"
    if c.kind == "explodes":
        fallen = c.log[c.highest] - c.log[-1] > KEPT
        return f"{grown}, then {format_size(c, -1)} at lag {c.lag}" if fallen else grown
    first = f"first {grown}, then " if c.log_growth > LN_10 else ""
    if c.zero_from is not None:
        return f"{first}exactly zero from lag {c.zero_from} on" + (", where no path leads to a loss" * c.ends)
    if c.gone_from is not None:
        return (
            f"{first}below 10⁻⁷ of its size from lag {c.gone_from} on, {format_ratio(c.log_left)} of it at lag {c.lag}"
        )
    return f"{first}{format_ratio(c.log_left)} of its size at lag {c.lag}"


def describe_shape(c: Course) -> str:
    """The shape of the curve, without a verdict and without numbers: `falls, then rises`."""
    if c.kind == "diverged":
        return "diverges"
    if c.kind == "zero":
        return "is exactly zero at every timestep"
    if c.lag == c.start:
        return "has only one timestep" if c.lag == 0 else f"is at lag {c.lag} only"
    if (turn := turning_lag(c)) is not None:
        return "falls, then rises" if c.log[turn] < c.log[-1] else "rises, then falls"
    return "keeps its size" if abs(c.log_left) < KEPT else "falls" if c.log_left < 0 else "rises"


def describe_sizes(c: Course) -> str:
    """The shape in numbers, no verdict: `falls from 0.0847 to 0.00316 at lag 31, then rises to 0.024 at lag 99`."""
    shape = describe_shape(c)
    if c.kind in ("diverged", "zero") or c.lag == c.start:
        return shape
    first, last = format_size(c, c.start), f"{format_size(c, -1)} at lag {c.lag}"
    if (turn := turning_lag(c)) is not None:
        there, back = shape.split(", then ")
        return f"{there} from {first} to {format_size(c, turn)} at lag {turn}, then {back} to {last}"
    return (
        f"{shape}, {first} at lag {c.start} and {last}"
        if shape == "keeps its size"
        else f"{shape} from {first} to {last}"
    )


def turning_lag(c: Course) -> int | None:
    """The lag at which the gradient turns, by a factor of 2 or more from both ends; the deeper turn of two."""
    log, ends = c.log[c.start :], (float(c.log[c.start]), float(c.log[-1]))
    low, high = int(np.argmin(log)), int(np.argmax(log))
    # An end is no turn, of however small a size: −inf − −inf is no number.
    depth = 0.0 if log[low] == min(ends) else min(ends) - float(log[low])
    height = float(log[high]) - max(ends)
    if max(depth, height) < KEPT:
        return None
    return c.start + (low if depth >= height else high)


def format_size(c: Course, lag: int) -> str:
    """The gradient's size at a lag."""
    return power_of_ten(float(c.log[lag]) / LN_10)


def format_ratio(log: float) -> str:
    """e^log as a power of ten, two digits."""
    return power_of_ten(log / LN_10)

"""What a recipe expects of its numbers, written down before the run, and the verdict on them."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["order", "size"]
"""`order`: which of two is larger, or that something happens at all. `size`: the published number."""

Verdict = Literal["confirmed", "confirmed in order, not in size", "not confirmed", "not finished"]

Values = Mapping[str, Sequence[float]]
"""Name of a value → one number per seed."""


Statistic = Literal["median", "mean"]
"""`mean` makes a share of values that are 0 or 1."""


@dataclass(frozen=True)
class Expectation:
    """One claim about the median or mean over seeds of a value. Exactly one of the three bounds is set."""

    says: str
    """The claim in words."""
    kind: Kind
    value: str
    """The value's name."""
    published: str
    """What the source says, in its words or numbers."""
    at_least: float | str | None = None
    """A number, or the name of another value."""
    at_most: float | str | None = None
    near: float | str | None = None
    within: float = 0.0
    """Largest |value − near|."""
    times: float = 1.0
    """Factor on a bound that is another value."""
    unit: str = ""
    """After the number; `%` for shares from 0 to 1."""
    statistic: Statistic = "median"
    digits: int = 3
    """Significant digits that are shown."""


@dataclass(frozen=True)
class Judged:
    """An expectation beside the numbers that came out."""

    expectation: Expectation
    values: tuple[float, ...]
    """One per seed; empty before the runs have ended."""
    bound: float
    """The number with which their median or mean is compared."""

    @property
    def middle(self) -> float:
        """The median or mean over seeds; NaN without values, or where one is NaN."""
        return middle(self.values, self.expectation.statistic)

    @property
    def holds(self) -> bool:
        """Whether the claim is true of the median or mean; NaN makes it false."""
        if self.expectation.at_least is not None:
            return self.middle >= self.bound
        if self.expectation.at_most is not None:
            return self.middle <= self.bound
        return abs(self.middle - self.bound) <= self.expectation.within


def judge(expectation: Expectation, values: Values) -> Judged:
    """Put the numbers beside the expectation."""
    bounds = (expectation.at_least, expectation.at_most, expectation.near)
    bound = next(bound for bound in bounds if bound is not None)
    if isinstance(bound, str):
        bound = expectation.times * middle(values.get(bound, ()), expectation.statistic)
    return Judged(expectation, tuple(values.get(expectation.value, ())), bound)


def decide(judged: Sequence[Judged]) -> Verdict:
    """The verdict on a recipe.

    All expectations hold: confirmed. All of kind `order` hold and a `size` does not: confirmed in order, not in size.
    An `order` does not hold, or there is none and a `size` does not hold: not confirmed. A value that is missing: not
    finished.
    """
    if not all(one.values for one in judged):
        return "not finished"
    if all(one.holds for one in judged):
        return "confirmed"
    orders = [one for one in judged if one.expectation.kind == "order"]
    if orders and all(one.holds for one in orders):
        return "confirmed in order, not in size"
    return "not confirmed"


def middle(values: Sequence[float], statistic: Statistic = "median") -> float:
    """The median or mean; NaN without values, or where one of them is NaN."""
    if not values or any(value != value for value in values):
        return float("nan")
    return statistics.median(values) if statistic == "median" else statistics.fmean(values)

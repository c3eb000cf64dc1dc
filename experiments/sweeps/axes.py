"""One axis of a sweep: the values of a field, read from a TOML file."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from experiments.config.largest import LARGEST_WHOLE
from experiments.config.words import NONE, shortened
from experiments.errors import ConfigError

LARGEST_NUMBER = 1e100
"""Largest end of a range: float64 can hold all distances and ratios."""
LARGEST_AXIS = 100_000
"""Most values of one axis."""
LINEAR_DIGITS, LOG_DIGITS = 10, 6
"""Significant digits of a range's values: 0.3, not 0.30000000000000004. Logarithmic steps are no round numbers."""
ALLOWED = (
    "a list, or a table with values, or one with from, to and either count or step (scale = 'log' spaces them "
    "logarithmically); when = { field = value } limits it to some runs"
)
KEYS = ("values", "from", "to", "count", "step", "scale", "when")


@dataclass(frozen=True)
class Axis:
    """The values of one field, or a range to draw from, and a condition on the runs."""

    field: str
    values: tuple[object, ...] = ()
    """The values in order; empty for a range to draw from."""
    low: float = math.nan
    high: float = math.nan
    log: bool = False
    whole: bool = False
    when: Mapping[str, tuple[object, ...]] = dataclasses.field(default_factory=dict)
    """Field → its values in the runs to which the axis applies; other runs ignore the axis."""

    def applies(self, settings: Mapping[str, object]) -> bool:
        """Whether a run with these settings takes a value of the axis."""
        return all(settings[name] in values for name, values in self.when.items())

    def draw(self, generator: np.random.Generator) -> object:
        """One random value: uniform over the list, or over the range (over its logarithm if `log`)."""
        if self.values:
            return self.values[int(generator.integers(len(self.values)))]
        if self.whole and not self.log:
            return int(generator.integers(int(self.low), int(self.high), endpoint=True))
        place = generator.random()
        if not self.log:
            return rounded(self.low + place * (self.high - self.low), LINEAR_DIGITS)
        value = self.low * (self.high / self.low) ** place
        return round(value) if self.whole else rounded(value, LOG_DIGITS)


def read_axis(name: str, given: object, drawn: bool) -> Axis:
    """Read an axis from a TOML value.

    Args:
        name: the field.
        given: the value.
        drawn: whether values are drawn at random, so that a range needs neither count nor step.

    Raises:
        ConfigError: the value does not describe an axis.
    """
    table = given if isinstance(given, dict) else {"values": given}
    unknown = [key for key in table if key not in KEYS]
    if unknown:
        raise ConfigError(f"axes.{name} has {shortened(unknown[0])}; it must be {ALLOWED}.")
    when = read_condition(name, table.get("when", {}))
    if "values" in table:
        values = table["values"]
        if not isinstance(values, list) or not 0 < len(values) <= LARGEST_AXIS or len(table) - ("when" in table) > 1:
            raise ConfigError(f"axes.{name} was {shortened(given)}; it must be {ALLOWED}.")
        return Axis(name, tuple(toml_value(f"axes.{name}", value) for value in values), when=when)
    return read_range(name, table, when, drawn)


def read_range(name: str, table: Mapping[str, object], when: Mapping[str, tuple[object, ...]], drawn: bool) -> Axis:
    """Read a range: its values, or its ends if values are drawn at random."""
    low, high = (number(name, table, key) for key in ("from", "to"))
    scale = table.get("scale", "linear")
    if scale not in ("linear", "log"):
        raise ConfigError(f"axes.{name}.scale was {shortened(scale)}; it must be linear or log.")
    log = scale == "log"
    if high < low or (log and low <= 0):
        positive = "from must be positive, and " if log else ""
        raise ConfigError(f"axes.{name} was from {low:g} to {high:g}; {positive}to must be at least from.")
    whole = all(isinstance(table[key], int) for key in ("from", "to", "step") if key in table)
    if whole and max(abs(low), abs(high)) > LARGEST_WHOLE:
        raise ConfigError(f"axes.{name} was from {low:g} to {high:g}; whole numbers may be at most {LARGEST_WHOLE}.")
    if "count" in table and "step" in table:
        raise ConfigError(f"axes.{name} has both count and step; remove one.")
    if "step" in table:
        return Axis(name, steps(name, low, high, number(name, table, "step"), log, whole), when=when)
    if "count" in table:
        count = table["count"]
        if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= LARGEST_AXIS:
            raise ConfigError(
                f"axes.{name}.count was {shortened(count)}; it must be a whole number from 1 to {LARGEST_AXIS}."
            )
        return Axis(name, spaced(low, high, count, log, whole), when=when)
    if not drawn:
        raise ConfigError(f"axes.{name} has neither count nor step; add one of them, or use combine = 'random'.")
    return Axis(name, (), low, high, log, whole, when)


def steps(name: str, low: float, high: float, step: float, log: bool, whole: bool) -> tuple[object, ...]:
    """low, low + step, … up to high."""
    if log or step <= 0 or (high - low) / step >= LARGEST_AXIS:
        least = f"positive, make at most {LARGEST_AXIS} values, and stand in a linear range"
        raise ConfigError(f"axes.{name}.step was {step:g}; it must be {least}.")
    count = math.floor((high - low) / step * (1 + 1e-12) + 1e-9) + 1
    values = [low + k * step for k in range(count)]
    return tuple(round(v) if whole else rounded(v, LINEAR_DIGITS) for v in values)


def spaced(low: float, high: float, count: int, log: bool, whole: bool) -> tuple[object, ...]:
    """`count` values from low to high at equal distances or ratios, rounded if they must be whole."""
    if count == 1:
        values = [low]
    else:
        places = [k / (count - 1) for k in range(count)]
        values = [low * (high / low) ** p if log else low + p * (high - low) for p in places]
        values[-1] = high
    digits = LOG_DIGITS if log else LINEAR_DIGITS
    return tuple(round(v) if whole else rounded(v, digits) for v in values)


def read_condition(name: str, given: object) -> dict[str, tuple[object, ...]]:
    """`when = { cell = "lstm" }`, or with a list of values."""
    if not isinstance(given, dict):
        raise ConfigError(f"axes.{name}.when was {shortened(given)}; it must be a table such as {{ cell = 'lstm' }}.")
    lists = {key: value if isinstance(value, list) else [value] for key, value in given.items()}
    return {
        key: tuple(toml_value(f"axes.{name}.when.{key}", value) for value in values) for key, values in lists.items()
    }


def toml_value(name: str, value: object) -> object:
    """A single value; `"none"` becomes None."""
    if isinstance(value, str) and value in NONE:
        return None
    if isinstance(value, str | int | float):
        return value
    raise ConfigError(f"{name} has the value {shortened(value)}; it must be a number, text or truth value.")


def number(name: str, table: Mapping[str, object], key: str) -> float:
    """A finite number of the table."""
    value = table.get(key)
    number = None if isinstance(value, bool) or not isinstance(value, int | float) else value
    if number is None or not (number == 0 or 1 / LARGEST_NUMBER <= abs(number) <= LARGEST_NUMBER):
        was = f"was {shortened(value)}" if key in table else "is missing"
        allowed = f"0 or a number from {1 / LARGEST_NUMBER:g} to {LARGEST_NUMBER:g} in size"
        raise ConfigError(f"axes.{name}.{key} {was}; it must be {allowed}.")
    return number


def rounded(value: float, digits: int) -> float:
    """Round to `digits` significant digits."""
    return float(f"{value:.{digits}g}")

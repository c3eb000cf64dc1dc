"""The titles of charts of several lines: the numbers at which the lines end."""

import math
from collections.abc import Callable, Sequence
from typing import Literal

from jaxtyping import Float
from numpy import ndarray

from analysis.wording import any_number

LONGEST_TITLE = 84
"""Most characters of a title that names every line: a phone shows so many in two rows."""


def title_of_ends(
    what: str,
    ends: Sequence[tuple[str, float]],
    say: Callable[[float], str] = any_number,
    named: Literal["lowest at the end", "highest at the end", "highest"] = "highest at the end",
) -> str:
    """A title with the number at the end of every line, or, where that is too long, with the one that matters most.

    Args:
        what: the quantity.
        ends: the lines' labels and last values; NaN where a line has none, ±Inf where it has diverged.
        say: writes a value.
        named: which one is named where there is no room for all.

    Example:
        >>> title_of_ends("Loss", [("LSTM", 0.0125), ("GRU", 0.5)])
        'Loss: LSTM 0.0125, GRU 0.5'
        >>> ends = [(f"LSTM, learning rate {rate}, clipped at 1", rate**2) for rate in (0.1, 0.5)]
        >>> title_of_ends("Loss", ends, named="lowest at the end")
        'Loss: lowest at the end 0.01 (LSTM, learning rate 0.1, clipped at 1)'
    """
    ends_in_number = any(label[-1:].isdigit() or "," in label for label, _ in ends)
    each = "{1} ({0})" if ends_in_number else "{0} {1}"  # not `clipped at 1 1.38`
    title = f"{what}: {', '.join(each.format(label, say(value)) for label, value in ends)}"
    if len(ends) == 1 or len(title) <= LONGEST_TITLE:
        return title
    known = [(value, label) for label, value in ends if not math.isnan(value)]
    if not known:
        return what
    value, label = (min if named.startswith("lowest") else max)(known)
    if len({say(other) for _, other in ends}) == 1:
        return f"{what}: {say(value)} each"
    return f"{what}: {named} {say(value)} ({label})"


def last(values: Float[ndarray, " step"]) -> float:
    """The last value; NaN if there is none."""
    return float(values[-1]) if len(values) else float("nan")

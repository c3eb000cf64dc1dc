"""Axes for values that are already log₁₀, with readable ticks."""

import math
from collections.abc import Iterable

import numpy as np
from jaxtyping import Num
from numpy import ndarray

from analysis.wording import power_of_ten

POWERS_OF_TEN = {"tickprefix": "10<sup>", "ticksuffix": "</sup>"}
"""For values over many decades: ticks read 10⁻²⁰."""

FEW, SOME = 3.0, 6.0
"""Decades: below the first, powers of ten alone are too far apart; below the second, each power has a tick."""

LEAST = 0.5
"""Fewest decades that an axis shows: a constant must not look like noise, and needs ticks beside it."""

MANTISSAS = ((LEAST, (1, 1.5, 2, 3, 4, 5, 7)), (1.5, (1, 2, 5)), (FEW, (1, 3)))
"""(decades, multiples): up to so many decades, ticks are at these multiples of each power of ten."""


def decades_axis(values: Iterable[Num[ndarray, "..."]]) -> dict[str, object]:
    """Settings for an axis over these values (log₁₀); Inf and NaN are left out."""
    flat = [np.ravel(np.asarray(v, float)) for v in values]
    finite = np.concatenate([v[np.isfinite(v)] for v in flat] or [np.empty(0)])
    if not finite.size:
        return dict(POWERS_OF_TEN)
    low, high = float(finite.min()), float(finite.max())
    if high - low >= FEW:
        return {**POWERS_OF_TEN, "dtick": 1} if high - low < SOME else dict(POWERS_OF_TEN)
    multiples = next(m for decades, m in MANTISSAS if high - low <= decades)
    ticks = [
        k + math.log10(m) for k in range(math.floor(low) - 1, math.ceil(high) + 2) for m in multiples
    ]  # beyond both ends, for who zooms out
    axis: dict[str, object] = {"tickvals": ticks, "ticktext": [power_of_ten(tick) for tick in ticks]}
    if high - low < LEAST:
        middle = (low + high) / 2
        axis["range"] = [middle - LEAST / 2, middle + LEAST / 2]
    return axis

"""Axes for values that are log₁₀ already, with ticks that a person can read."""

import math
from collections.abc import Iterable

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from analysis.wording import power_of_ten

POWERS_OF_TEN = {"tickprefix": "10<sup>", "ticksuffix": "</sup>"}
"""For values over many decades: ticks read 10⁻²⁰."""

FEW = 3.0
"""Decades below which powers of ten are too far apart, and 10^0.5 would be between them."""

MANTISSAS = ((0.4, (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8)), (0.8, (1, 1.5, 2, 3, 5, 7)), (1.5, (1, 2, 5)), (FEW, (1, 3)))
"""Up to so many decades, ticks at these multiples of each power."""


def decades_axis(values: Iterable[Float[ndarray, "..."]]) -> dict[str, object]:
    """Settings for an axis over these values (log₁₀; what is not finite is left out)."""
    flat = [np.ravel(np.asarray(v, float)) for v in values]
    finite = np.concatenate([v[np.isfinite(v)] for v in flat] or [np.empty(0)])
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    if high - low >= FEW:
        return dict(POWERS_OF_TEN)
    multiples = next(m for decades, m in MANTISSAS if high - low <= decades)
    ticks = [
        k + math.log10(m) for k in range(math.floor(low) - 1, math.ceil(high) + 2) for m in multiples
    ]  # beyond both ends, for who zooms out
    return {"tickvals": ticks, "ticktext": [power_of_ten(tick) for tick in ticks]}

"""What a chart says on hover: numbers as people write them, such as 1.1×10⁻¹⁴, never 1.1e-14.

The browser's own formats know no powers of ten. So lines carry their numbers as words, one per point, and maps, which
have many more cells, a mantissa and an exponent.
"""

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Float32
from numpy import ndarray

from analysis.wording import power_of_ten, significant, superscript

WORDS = "%{customdata}"
"""In a hover template: the point's number, from `size_words` or `number_words`."""
CELL = "%{customdata[0]:.1f}×10<sup>%{customdata[1]}</sup>"
"""In a map's hover template: the cell's number, from `size_parts`."""

PLAIN = (-3.0, np.log10(999.5))
"""log₁₀ between which `power_of_ten` writes a plain number."""


def size_words(log10: Float[ndarray, " point"]) -> list[str]:
    """Each size in words as `power_of_ten` has it, from its log₁₀; a drag asks for hundreds, several times a second."""
    log10 = np.asarray(log10, float)
    known = np.isfinite(log10)
    exponent = np.floor(np.where(known, log10, 0.0))
    tenths = np.round(10 ** (np.where(known, log10, 0.0) - exponent), 1) * 10
    carried = tenths >= 100
    exponent, tenths = exponent + carried, np.where(carried, 10, tenths)
    small = ~known | ((log10 >= PLAIN[0]) & (log10 < PLAIN[1]))
    return [
        power_of_ten(x) if plain else _power(round(m), int(e))
        for x, plain, m, e in zip(log10.tolist(), small.tolist(), tenths.tolist(), exponent.tolist(), strict=True)
    ]


@lru_cache(maxsize=100_000)
def _power(tenths: int, exponent: int) -> str:
    return f"{tenths / 10:g}×10{superscript(exponent)}"


def number_words(values: Iterable[float]) -> list[str]:
    """Each number in words, with three significant digits."""
    return [significant(value) for value in values]


def size_parts(log10: Float[ndarray, "row column"]) -> Float32[ndarray, "row column 2"]:
    """Mantissa and exponent of each size, from its log₁₀; NaN for a size that is not a number, zero or infinite."""
    finite = np.where(np.isfinite(log10), log10, np.nan)
    exponent = np.floor(finite)
    mantissa = np.round(10 ** (finite - exponent), 1)
    carried = mantissa >= 10
    return np.stack([np.where(carried, 1, mantissa), exponent + carried], axis=-1).astype(np.float32)

"""A backward step in which a unit is saturated: slopes from preactivations, and an exponent of its own for each row.

Such a step is rare and may cost more: the preactivations are made again, one product per gate, and the rows of the
samples that have a saturated unit are computed in `models.bptt.compiled.wide`. All other rows go the ordinary way. What
every cell needs for it is here; each cell's own step is in its folder.
"""

import numpy as np

from models.bptt.compiled.jit import Array, Exponents, Scalar, kernel, summing
from models.bptt.compiled.product import multiply
from models.bptt.compiled.wide import add_rows, narrowed, shift_of, top_of, write_row

LOW_32, HIGH_32, FLAT_32, FLAT_CELL_32 = 2.0**-20, 1 - 2.0**-10, 1 - 2.0**-11, 4.16
"""Beyond these a value of σ, of tanh, or a c in tanh(c) counts as saturated: 1 − h² has lost 10 of its 24 bits."""
LOW_64, HIGH_64, FLAT_64, FLAT_CELL_64 = 2.0**-200, 1 - 2.0**-22, 1 - 2.0**-23, 8.32
HELD_32, HELD_64 = 100, 900
"""Bits: if the largest entries of h and c differ by more, each is recorded with its own exponent."""


@summing
def beyond(x: Array, low: float, high: float) -> Scalar:
    """How many entries are below `low` or above `high`. The count has x's dtype: 8 or 16 are compared at once."""
    number = x.dtype.type
    below, above, zero, one = number(low), number(high), number(0), number(1)
    count = zero
    for k in range(x.size):
        count += one if (x[k] < below) | (x[k] > above) else zero
    return count


@kernel
def beyond_sigmoid(gate: Array) -> Scalar:
    """How many values of σ are so near 0 or 1 that the slope (near 0, also the value) has lost its digits."""
    low, high = (LOW_32, HIGH_32) if gate.itemsize == 4 else (LOW_64, HIGH_64)
    return beyond(gate, low, high)


@kernel
def beyond_tanh(values: Array) -> Scalar:
    """How many values of tanh are so near ±1 that 1 − h² has lost its digits."""
    flat = FLAT_32 if values.itemsize == 4 else FLAT_64
    return beyond(values, -flat, flat)


@kernel
def beyond_cell(c: Array) -> Scalar:
    """The same for tanh(c), computed from c."""
    flat = FLAT_CELL_32 if c.itemsize == 4 else FLAT_CELL_64
    return beyond(c, -flat, flat)


@kernel
def apart(exponent: Exponents, exponent_cell: Exponents) -> bool:
    """Whether the h and c of some row have different exponents."""
    return bool((exponent != exponent_cell).any())


@kernel
def add_carried(m: Array, k: Exponents, carried: Array, e: int, total: Array) -> int:
    """total ← m · 2^k + carried, all relative to 2^e, in float64. Returns the exponent of the total."""
    zero = np.zeros_like(k)
    shift = shift_of(max(top_of(m, k), top_of(carried, zero)), carried.itemsize == 4)
    for j in range(m.size):
        total[j] = narrowed(m[j], k[j] - shift) + narrowed(np.float64(carried[j]), -shift)
    return e + shift


@kernel
def store_cell(dc: Array, e: int, e_h: int, k: Exponents, out: Array) -> int:
    """out ← dc, at the exponent of dL/dh_t if out's dtype can hold it there. Returns the exponent of out."""
    k[:] = 0
    top = top_of(dc, k) + e - e_h
    held = HELD_32 if out.itemsize == 4 else HELD_64
    common = e_h if -held <= top <= held else e
    write_row(dc, k, common - e, out)
    return common


@kernel
def send_back(da: Array, exponent: Exponents, W: Array, out: Array, out_exponent: Exponents, zero_one: Array) -> None:
    """out ← out + da W, row by row; each row has its own exponent."""
    product = np.empty((da.shape[0], W.shape[1]), da.dtype)
    multiply(da, W, product, zero_one, False)
    for b in range(out.shape[0]):
        out_exponent[b] = add_rows(out[b], out_exponent[b], product[b], exponent[b])

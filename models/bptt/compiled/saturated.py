"""A backward step in which a unit is saturated: slopes from preactivations, and an exponent of its own for each row.

Such a step is rare and may cost more: the preactivations are made again, one product per gate, and the rows of the
samples that have a saturated unit are computed from them: in their own dtype while it holds all slopes and results
(`models.bptt.compiled.near`), and otherwise in `models.bptt.compiled.wide`. All other rows go the ordinary way. What
every cell needs for it is here; each cell's own step is in its folder.
"""

import numpy as np

from models.bptt.compiled.adjoint import row_top
from models.bptt.compiled.borrow import borrowed
from models.bptt.compiled.elementary import bits_of
from models.bptt.compiled.jit import Array, Exponents, Flags, Scalar, kernel
from models.bptt.compiled.product import multiply
from models.bptt.compiled.wide import add_rows, narrowed, shift_of, top_of, top_of_row, write_row

LOW_32, HIGH_32, FLAT_32, FLAT_CELL_32 = 2.0**-20, 1 - 2.0**-10, 1 - 2.0**-11, 4.16
"""Beyond these a value of σ, of tanh, or an h in tanh(h) counts as saturated: 1 − h² has lost 10 of its 24 bits."""
LOW_64, HIGH_64, FLAT_64, FLAT_CELL_64 = 2.0**-200, 1 - 2.0**-22, 1 - 2.0**-23, 8.32
HELD_32, HELD_64 = 100, 900
"""Bits: if the largest entries of h and c differ by more, each is recorded with its own exponent."""


@kernel
def beyond(x: Array, most: Scalar) -> bool:
    """Whether some |entry| is above `most`, or NaN."""
    top = bits_of(x.dtype.type(0))
    for k in range(x.size):
        top = max(top, bits_of(x[k]))
    return top > bits_of(x.dtype.type(most))


@kernel
def beyond_sigmoid(gate: Array) -> bool:
    """Whether some value of σ is so near 0 or 1 that the slope (near 0, also the value) has lost its digits, or NaN."""
    low, high = (LOW_32, HIGH_32) if gate.itemsize == 4 else (LOW_64, HIGH_64)
    number = gate.dtype.type
    bottom, top = bits_of(number(1)), bits_of(number(0))
    for k in range(gate.size):
        bits = bits_of(gate[k])
        bottom, top = min(bottom, bits), max(top, bits)
    return bottom < bits_of(number(low)) or top > bits_of(number(high))


@kernel
def beyond_tanh(values: Array) -> bool:
    """Whether some value of tanh is so near ±1 that 1 − h² has lost its digits, or NaN."""
    return beyond(values, FLAT_32 if values.itemsize == 4 else FLAT_64)


@kernel
def flag_beyond(rows: Flags, x: Array, most: Scalar) -> None:
    """Flag also the rows of which `beyond` is true."""
    for b in range(len(x)):
        rows[b] = rows[b] or row_top(x, b) > bits_of(x.dtype.type(most))


@kernel
def flag_sigmoid(rows: Flags, gate: Array) -> None:
    """Flag also the rows of which `beyond_sigmoid` is true."""
    low, high = (LOW_32, HIGH_32) if gate.itemsize == 4 else (LOW_64, HIGH_64)
    number = gate.dtype.type
    for b in range(gate.shape[0]):
        bottom, top = bits_of(number(1)), bits_of(number(0))
        for j in range(gate.shape[1]):
            bits = bits_of(gate[b, j])
            bottom, top = min(bottom, bits), max(top, bits)
        rows[b] = rows[b] or bottom < bits_of(number(low)) or top > bits_of(number(high))


@kernel
def flag_tanh(rows: Flags, values: Array) -> None:
    """Flag also the rows of which `beyond_tanh` is true."""
    flag_beyond(rows, values, FLAT_32 if values.itemsize == 4 else FLAT_64)


@kernel
def beyond_cell(c: Array) -> bool:
    """The same for tanh(c), computed from c."""
    return beyond(c, FLAT_CELL_32 if c.itemsize == 4 else FLAT_CELL_64)


@kernel
def apart(exponent: Exponents, exponent_cell: Exponents) -> bool:
    """Whether some row has two different exponents, as those of its h and c."""
    return bool((exponent != exponent_cell).any())


@kernel
def add_carried(m: Array, k: Exponents, carried: Array, e: int, total: Array) -> int:
    """total ← m · 2^k + carried, all relative to 2^e, in float64. Returns the exponent of the total."""
    shift = shift_of(max(top_of(m, k), top_of_row(carried)), carried.itemsize == 4)
    for j in range(m.size):
        total[j] = narrowed(m[j], k[j] - shift) + narrowed(np.float64(carried[j]), -shift)
    return e + shift


@kernel
def store_cell(dc: Array, e: int, e_h: int, k: Exponents, out: Array) -> int:
    """out ← dc, at the exponent of dL/dh_t if out's dtype can hold it there. Returns the exponent of out."""
    k[:] = 0
    top = top_of_row(dc) + e - e_h
    held = HELD_32 if out.itemsize == 4 else HELD_64
    common = e_h if -held <= top <= held else e
    write_row(dc, k, common - e, out)
    return common


@kernel
def send_back(da: Array, exponent: Exponents, W: Array, out: Array, out_exponent: Exponents) -> None:
    """out ← out + da W, row by row; each row has its own exponent."""
    if not apart(exponent, out_exponent):
        multiply(da, W, out, True)
        return
    product = np.empty((da.shape[0], W.shape[1]), da.dtype)
    multiply(da, W, product, False)
    add_each_row(out, out_exponent, product, exponent)


@kernel
def add_each_row(a: Array, exponent: Exponents, b: Array, exponent_b: Exponents) -> None:
    """a ← a + b, row by row; each row has its own exponent."""
    b = borrowed(b)
    for row in range(a.shape[0]):
        exponent[row] = add_rows(a[row], exponent[row], b[row], exponent_b[row])

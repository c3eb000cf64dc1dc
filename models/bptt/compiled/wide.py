"""Rows of numbers too large or small for any dtype: mantissa · 2^exponent, a float64 and an int64 per unit.

Only a saturated unit needs them. Its slope may be 4e^(−600), and 1 − h² of a rounded h is 0 there:

    tanh'(a) = 4 e^(−2|a|) / (1 + e^(−2|a|))²,    σ'(a) = e^(−|a|) / (1 + e^(−|a|))²
"""

import numpy as np

from models.bptt.compiled.adjoint import (
    NEAR_32,
    NEAR_64,
    NEVER,
    SMALLEST_32,
    SMALLEST_64,
    add_rescaled,
    largest,
    row_top,
    settle,
)
from models.bptt.compiled.elementary import (
    HIGH_64,
    LOG2_E_64,
    LOW_64,
    ROUND_64,
    bits_of,
    expm1_small_64,
    from_bits,
    power_of_two_64,
)
from models.bptt.compiled.jit import Array, Exponents, Scalar, kernel

SMALLEST_LOG = -700_000.0
"""Below it e^x is taken as zero: up to here k ln 2 is exact in the reduction x = k ln 2 + r."""

NOT_FINITE, INFINITE = 2**62, 1025
"""Exponent of a row with an Inf or a NaN, and of these numbers themselves."""
LARGEST_64 = np.finfo(np.float64).max


@kernel
def exp_wide(x: Scalar) -> tuple[Scalar, Scalar]:
    """e^x for x ≤ 0."""
    y = SMALLEST_LOG if x < SMALLEST_LOG else x
    k = y * LOG2_E_64 + ROUND_64 - ROUND_64
    k = 0.0 if k != k else k  # NaN is no whole number
    mantissa = 1.0 + expm1_small_64((y - k * HIGH_64) - k * LOW_64)
    return (0.0 if x < SMALLEST_LOG else mantissa), np.int64(k)


@kernel
def narrowed(mantissa: Scalar, exponent: int) -> Scalar:
    """mantissa · 2^exponent as a float64; 0 where it would be subnormal. Inf and NaN stay."""
    value = mantissa * power_of_two_64(max(-1022, min(exponent, 1023)))
    return 0.0 if (exponent < -1000) & (abs(mantissa) <= LARGEST_64) else value


@kernel
def exp_row(x: Array, factor: float, m: Array, k: Exponents) -> None:
    """m · 2^k ← e^(−factor·|x|). In rows, each loop has few arrays, so that several units are computed at once."""
    for j in range(x.size):
        m[j], k[j] = exp_wide(-factor * abs(np.float64(x[j])))


@kernel
def slope_row(factor: float, m: Array, k: Exponents) -> None:
    """E ← factor · E / (1 + E)², E = m · 2^k."""
    for j in range(m.size):
        share = 1.0 / (1.0 + narrowed(m[j], k[j]))
        m[j] *= factor * share * share


@kernel
def tanh_slope_row(x: Array, m: Array, k: Exponents) -> None:
    """m · 2^k ← tanh'(x)."""
    exp_row(x, 2.0, m, k)
    slope_row(4.0, m, k)


@kernel
def sigmoid_and_slope_row(a: Array, value: Array, k_value: Exponents, m: Array, k: Exponents) -> None:
    """value · 2^k_value ← σ(a), m · 2^k ← σ'(a)."""
    exp_row(a, 1.0, m, k)
    for j in range(a.size):
        whole = 1.0 + narrowed(m[j], k[j])
        value[j] = (m[j] if a[j] < 0 else 1.0) / whole
    for j in range(a.size):
        k_value[j] = k[j] if a[j] < 0 else 0
    slope_row(1.0, m, k)


@kernel
def closed_row(a: Array, value: Array, k_value: Exponents) -> None:
    """value · 2^k_value ← 1 − σ(a), which is σ(−a)."""
    exp_row(a, 1.0, value, k_value)
    for j in range(a.size):
        value[j] = (1.0 if a[j] < 0 else value[j]) / (1.0 + narrowed(value[j], k_value[j]))
    for j in range(a.size):
        k_value[j] = 0 if a[j] < 0 else k_value[j]


@kernel
def multiply_row(m: Array, factor: Array) -> None:
    """m ← m⊙factor."""
    for j in range(m.size):
        m[j] *= factor[j]


@kernel
def exponent_of(x: Scalar) -> Scalar:
    """The exponent of a normal number from its bits, as frexp gives it; INFINITE for Inf and NaN."""
    return ((np.float64(x).view(np.int64) >> 52) & 0x7FF) - 1022


@kernel
def top_of(m: Array, k: Exponents) -> Scalar:
    """Exponent of the largest entry; NEVER where all are zero, NOT_FINITE where one is Inf or NaN."""
    top: Scalar = np.int64(NEVER)
    own: Scalar = np.int64(NEVER)
    for j in range(m.size):
        exponent = exponent_of(m[j])
        own = max(own, exponent)
        top = max(top, k[j] + exponent if m[j] != 0 else NEVER)
    return np.int64(NOT_FINITE) if own == INFINITE else top


@kernel
def top_of_row(x: Array) -> Scalar:
    """The same of a row of plain numbers."""
    top = largest(x)
    exponent = exponent_of(top)
    return np.int64(NEVER) if top == 0 else np.int64(NOT_FINITE) if exponent == INFINITE else exponent


@kernel
def shift_of(top: int, single: bool) -> int:
    """The power of two by which a row with this largest exponent is divided: 0 if the row is in a safe range."""
    near = NEAR_32 if single else NEAR_64
    return 0 if top in (NEVER, NOT_FINITE) or -near <= top <= near else top


@kernel
def write_row(m: Array, k: Exponents, shift: int, out: Array) -> None:
    """out ← m · 2^(k − shift); an entry that would be subnormal in out's dtype becomes exactly zero."""
    smallest = SMALLEST_32 if out.itemsize == 4 else SMALLEST_64
    for j in range(m.size):
        value = narrowed(m[j], k[j] - shift)
        out[j] = 0.0 if abs(value) < smallest else value


@kernel
def narrow(m: Array, k: Exponents, exponent: int, out: Array) -> int:
    """out ← the row, given relative to 2^exponent. Returns the exponent of out."""
    shift = shift_of(top_of(m, k), out.itemsize == 4)
    write_row(m, k, shift, out)
    return exponent + shift


@kernel
def add_rows(a: Array, exponent: int, b: Array, exponent_b: int) -> int:
    """a ← a + b for two rows with their own exponents. Returns the exponent of the sum."""
    if exponent == exponent_b:
        for j in range(a.size):
            a[j] += b[j]
        return exponent
    if largest(b) == 0:
        return exponent
    return add_rescaled(b, exponent_b, a, exponent)


@kernel
def settle_rows(carried: Array, of_h: Exponents, carried_cell: Array, of_c: Exponents) -> None:
    """`settle` for all rows; most are settled already, and for these nothing is called."""
    near = NEAR_32 if carried.itemsize == 4 else NEAR_64
    smallest = bits_of(carried.dtype.type(SMALLEST_32 if carried.itemsize == 4 else SMALLEST_64))
    zero = carried.dtype.type(0)
    for b in range(len(carried)):
        top, top_cell = row_top(carried, b), row_top(carried_cell, b)
        ours, theirs = exponent_of(from_bits(top)), exponent_of(from_bits(top_cell))
        normal = min(top, top_cell) >= smallest and max(ours, theirs) < INFINITE
        if of_h[b] == of_c[b] and normal and abs(ours - theirs) <= near:
            for j in range(carried.shape[1]):
                carried[b, j] = zero if bits_of(carried[b, j]) < smallest else carried[b, j]
                carried_cell[b, j] = zero if bits_of(carried_cell[b, j]) < smallest else carried_cell[b, j]
        else:
            of_h[b], of_c[b] = settle(carried[b], of_h[b], carried_cell[b], of_c[b])

"""The sum direct_t + carried, row by row, rescaled by a power of two where it leaves a safe range.

A row is one sample's gradient. Its h and c share one exponent, as in `Scaled`, while one row can hold both. The
reference rescales at every step. Here a row keeps its exponent while its norm is in a range from which one more step
neither overflows nor loses a digit: an ordinary pass has exponents of 0 throughout and pays for the check alone.
"""

import math

import numpy as np

from models.bptt.compiled.elementary import bits_of, from_bits, log_64
from models.bptt.compiled.jit import Array, Exponents, Scalar, kernel, summing

LN_2 = math.log(2)
NEVER = -(2**62)
"""Exponent of a row of zeros."""

SAFE_32, SAFE_64 = 2.0**80, 2.0**600
"""Largest squared norm, and the reciprocal of the smallest."""

NEAR_32, NEAR_64 = 40, 300
"""A row whose largest entry is within 2^±this keeps its exponent: one more step neither overflows nor loses a digit."""

SMALLEST_32, SMALLEST_64 = 2.0**-126, 2.0**-1022
"""Smallest normal numbers: products of smaller ones take a processor up to ten times as long."""

SMALLEST_SQUARE = 1e-290
"""Below it a sum of squares in float64 may have lost digits."""


@summing
def sum_of_squares(x: Array) -> float:
    """‖x‖² in float64: no float32 is too small or too large for it."""
    total = 0.0
    for k in range(x.size):
        value = np.float64(x[k])
        total += value * value
    return total


@summing
def add_squares(a: Array, b: Array, total: Array) -> tuple[float, float]:
    """total ← a + b; ‖a‖² and ‖total‖²."""
    square_a = square = 0.0
    for k in range(total.size):
        value = a[k] + b[k]
        total[k] = value
        square_a += np.float64(a[k]) * np.float64(a[k])
        square += np.float64(value) * np.float64(value)
    return square_a, square


@kernel
def largest(x: Array) -> float:
    """max |x|, or NaN where there is one."""
    top = bits_of(x.dtype.type(0))
    for k in range(x.size):
        top = max(top, bits_of(x[k]))
    return np.float64(from_bits(top))


@kernel
def row_top(x: Array, b: int) -> Scalar:
    """The bits of max |x_b| of row b, NaN above Inf: by indices, since a slice takes longer to make than to read."""
    top = bits_of(x.dtype.type(0))
    for j in range(x.shape[1]):
        top = max(top, bits_of(x[b, j]))
    return top


@kernel
def is_exact(square: float) -> bool:
    """Whether float64 holds a sum of squares to its last digits."""
    return SMALLEST_SQUARE < square < 1 / SMALLEST_SQUARE


@kernel
def log_norm(x: Array, square: float) -> float:
    """ln‖x‖ (nats), given ‖x‖² as far as float64 can hold it."""
    if is_exact(square):
        return 0.5 * math.log(square)
    top = largest(x)
    if top == 0:
        return -math.inf
    if not math.isfinite(top):
        return math.nan if math.isnan(square) else top
    total = 0.0
    for k in range(x.size):
        total += (x[k] / top) ** 2
    return 0.5 * math.log(total) + math.log(top)


@kernel
def magnitude(top: float, exponent: int) -> int:
    """Exponent of a row's largest entry; a row that is not finite keeps its own."""
    if top == 0:
        return NEVER
    return exponent + math.frexp(top)[1] if math.isfinite(top) else exponent


@kernel
def scale(x: Array, power: int) -> None:
    """x ← x · 2^power; a result that would be subnormal becomes exactly zero.

    In two factors, since 2^power may not exist where the product does.
    """
    power = max(-2000, min(2000, power))
    first = math.ldexp(1.0, power // 2)
    second = math.ldexp(1.0, power - power // 2)
    smallest = SMALLEST_32 if x.itemsize == 4 else SMALLEST_64
    for k in range(x.size):
        value = np.float64(x[k]) * first * second
        x[k] = 0.0 if abs(value) < smallest else value


@kernel
def add_rescaled(direct: Array, direct_exponent: int, carried: Array, exponent: int) -> int:
    """carried ← direct + carried. Returns its exponent: the larger magnitude of the two."""
    ours, theirs = magnitude(largest(carried), exponent), magnitude(largest(direct), direct_exponent)
    new = max(ours, theirs)
    if new == NEVER:
        new = 0
    scale(carried, exponent - new)
    power = max(-2000, min(2000, direct_exponent - new))
    first = math.ldexp(1.0, power // 2)
    second = math.ldexp(1.0, power - power // 2)
    for k in range(carried.size):
        carried[k] += np.float64(direct[k]) * first * second
    return new


@kernel
def settle(carried: Array, exponent: int, carried_cell: Array, exponent_cell: int) -> tuple[int, int]:
    """The exponents of a row's h and c: one for both, unless they differ by more than one row can hold."""
    ours, theirs = magnitude(largest(carried), exponent), magnitude(largest(carried_cell), exponent_cell)
    near = NEAR_32 if carried.itemsize == 4 else NEAR_64
    if ours == NEVER or theirs == NEVER:
        common = exponent if theirs == NEVER else exponent_cell
    elif exponent == exponent_cell and abs(ours - theirs) <= near:
        common = exponent
    elif abs(ours - theirs) <= near:
        common = max(ours, theirs)
    else:
        return exponent, exponent_cell
    scale(carried, exponent - common)
    scale(carried_cell, exponent_cell - common)
    return common, common


@kernel
def add_direct_cell(
    direct_cell: Array,
    direct_exponent: Exponents,
    carried: Array,
    carried_cell: Array,
    exponent: Exponents,
    exponent_cell: Exponents,
) -> None:
    """carried_cell ← direct_cell + carried_cell for each row: adds the direct gradient of c."""
    for b in range(carried.shape[0]):
        together = exponent_cell[b] == exponent[b]
        exponent_cell[b] = add_rescaled(direct_cell[b], direct_exponent[b], carried_cell[b], exponent_cell[b])
        if together:
            exponent[b], exponent_cell[b] = settle(carried[b], exponent[b], carried_cell[b], exponent_cell[b])


@kernel
def add_direct(
    direct: Array,
    direct_exponent: Exponents,
    carried: Array,
    carried_cell: Array,
    exponent: Exponents,
    exponent_cell: Exponents,
    total: Array,
    out_exponent: Exponents,
    out_log_norm: Array,
    out_direct_log_norm: Array,
) -> None:
    """total ← direct + carried for each row, with its exponent, its log norm and the direct gradient's.

    `carried` and `carried_cell` (no columns where the cell has no c) are left with one exponent where one row can hold
    both; a `carried_cell` that has an exponent of its own keeps it.
    """
    single = total.itemsize == 4
    safe = SAFE_32 if single else SAFE_64
    rare = False
    for b in range(total.shape[0]):
        e = exponent[b]
        square_direct, square = add_squares(direct[b], carried[b], total[b])
        silent = square_direct == 0 and (single or largest(direct[b]) == 0)
        same = silent or direct_exponent[b] == e
        together = exponent_cell[b] == e
        square_cell = sum_of_squares(carried_cell[b]) if together else 0.0
        if not (same and 1 / safe < square + square_cell < safe):
            exponent[b] = add_rescaled(direct[b], direct_exponent[b], carried[b], e)
            if together and carried_cell.size > 0:
                exponent[b], exponent_cell[b] = settle(carried[b], exponent[b], carried_cell[b], e)
            total[b], e = carried[b], exponent[b]
            square = sum_of_squares(total[b])
        out_exponent[b] = e
        out_log_norm[b], out_direct_log_norm[b] = square, square_direct
        rare |= not (is_exact(square) and (silent or is_exact(square_direct)))
    for b in range(total.shape[0]):  # without branches, for all rows at once
        out_log_norm[b] = 0.5 * log_64(out_log_norm[b]) + exponent[b] * LN_2
        out_direct_log_norm[b] = 0.5 * log_64(out_direct_log_norm[b]) + direct_exponent[b] * LN_2
    if rare:
        for b in range(total.shape[0]):
            out_log_norm[b] = log_norm(total[b], sum_of_squares(total[b])) + exponent[b] * LN_2
            out_direct_log_norm[b] = log_norm(direct[b], sum_of_squares(direct[b])) + direct_exponent[b] * LN_2

"""A backward step in which a unit is saturated: slopes from preactivations, and an exponent of its own for each row.

Such a step is rare and may cost more: the preactivations are made again, once a gate, and the rows of the samples that
have a saturated unit are computed in `models.bptt.compiled.wide`. All other rows go the ordinary way.
"""

import numpy as np

from models.bptt.compiled.elementary import tanh_64
from models.bptt.compiled.jit import Array, Exponents, Scalar, kernel, summing
from models.bptt.compiled.wide import (
    narrow,
    narrowed,
    shift_of,
    sigmoid_slope_wide,
    sigmoid_wide,
    tanh_slope_wide,
    top_of,
    write_row,
)

LOW_32, HIGH_32, FLAT_32, FLAT_CELL_32 = 2.0**-20, 1 - 2.0**-10, 1 - 2.0**-11, 4.16
"""Beyond these a value of σ, of tanh, or a c in tanh(c) counts as saturated: 1 − h² has lost 10 of its 24 bits."""
LOW_64, HIGH_64, FLAT_64, FLAT_CELL_64 = 2.0**-200, 1 - 2.0**-22, 1 - 2.0**-23, 8.32
HELD_32, HELD_64 = 100, 900
"""An h and a c whose largest entries differ by more bits than this are recorded with an exponent each."""


@summing
def beyond(x: Array, low: float, high: float) -> Scalar:
    """How many entries are below or above: counted in x's own dtype, so that 8 or 16 are looked at together."""
    number = x.dtype.type
    below, above, zero, one = number(low), number(high), number(0), number(1)
    count = zero
    for k in range(x.size):
        count += one if (x[k] < below) | (x[k] > above) else zero
    return count


@kernel
def elman_saturated(h: Array) -> bool:
    """Whether some tanh is so near ±1 that 1 − h² has lost its digits."""
    flat = FLAT_32 if h.itemsize == 4 else FLAT_64
    return beyond(h, -flat, flat) > 0


@kernel
def lstm_saturated(i: Array, f: Array, g: Array, o: Array, c: Array) -> bool:
    """The same for gates, candidate and tanh(c); a gate near 0, too, where its value is beyond the dtype."""
    single = i.itemsize == 4
    low, high, flat = (LOW_32, HIGH_32, FLAT_32) if single else (LOW_64, HIGH_64, FLAT_64)
    flat_cell = FLAT_CELL_32 if single else FLAT_CELL_64
    gates = beyond(i, low, high) + beyond(f, low, high) + beyond(o, low, high)
    return gates + beyond(g, -flat, flat) + beyond(c, -flat_cell, flat_cell) > 0


@kernel
def gru_saturated(r: Array, z: Array, n: Array) -> bool:
    """The same for a GRU."""
    low, high, flat = (LOW_32, HIGH_32, FLAT_32) if r.itemsize == 4 else (LOW_64, HIGH_64, FLAT_64)
    return beyond(r, low, high) + beyond(z, low, high) + beyond(n, -flat, flat) > 0


@kernel
def apart(exponent: Exponents, exponent_cell: Exponents) -> bool:
    """Whether some row's h and c are relative to different powers of two."""
    return bool((exponent != exponent_cell).any())


@kernel
def elman_row(dh: Array, e: int, a: Array, m: Array, k: Exponents, da: Array) -> int:
    """da = dh tanh'(a); its exponent."""
    for j in range(dh.size):
        slope, k[j] = tanh_slope_wide(a[j])
        m[j] = dh[j] * slope
    return narrow(m, k, e, da)


@kernel
def lstm_row(
    dh: Array, e_h: int, carried_c: Array, e_c: int, a: Array, g: Array, c_before: Array, c: Array,
    m: Array, k: Exponents, dc: Array, da: Array, exponents: Exponents,
) -> tuple[int, int]:  # fmt: skip
    """dc = carried + dh o tanh'(c); da of each gate; carried ← f dc; the exponents of dc and of carried.

    a and da are [gate, unit], exponents [gate]; m, k and dc (float64) are working memory.
    """
    a_i, a_f, a_g, a_o = a[0], a[1], a[2], a[3]
    for j in range(dh.size):
        o, k_o = sigmoid_wide(a_o[j])
        slope, k_c = tanh_slope_wide(c[j])
        m[j], k[j] = dh[j] * o * slope, k_o + k_c + e_h - e_c
    e = add_carried(m, k, carried_c, e_c, dc)
    for j in range(dh.size):
        i_slope, k[j] = sigmoid_slope_wide(a_i[j])
        m[j] = dc[j] * g[j] * i_slope
    exponents[0] = narrow(m, k, e, da[0])
    for j in range(dh.size):
        f_slope, k[j] = sigmoid_slope_wide(a_f[j])
        m[j] = dc[j] * c_before[j] * f_slope
    exponents[1] = narrow(m, k, e, da[1])
    for j in range(dh.size):
        i, k_i = sigmoid_wide(a_i[j])
        g_slope, k_g = tanh_slope_wide(a_g[j])
        m[j], k[j] = dc[j] * i * g_slope, k_i + k_g
    exponents[2] = narrow(m, k, e, da[2])
    for j in range(dh.size):
        o_slope, k[j] = sigmoid_slope_wide(a_o[j])
        m[j] = dh[j] * tanh_64(np.float64(c[j])) * o_slope
    exponents[3] = narrow(m, k, e_h, da[3])
    for j in range(dh.size):
        f, k[j] = sigmoid_wide(a_f[j])
        m[j] = f * dc[j]
    return e, narrow(m, k, e, carried_c)


@kernel
def add_carried(m: Array, k: Exponents, carried: Array, e: int, total: Array) -> int:
    """total ← m · 2^k + carried, all relative to 2^e, in float64; the exponent that it is relative to then."""
    zero = np.zeros_like(k)
    shift = shift_of(max(top_of(m, k), top_of(carried, zero)), carried.itemsize == 4)
    for j in range(m.size):
        total[j] = narrowed(m[j], k[j] - shift) + narrowed(np.float64(carried[j]), -shift)
    return e + shift


@kernel
def store_cell(dc: Array, e: int, e_h: int, k: Exponents, out: Array) -> int:
    """out ← dc, at the exponent of dL/dh_t where out's dtype can hold it so; the exponent that it is relative to."""
    k[:] = 0
    top = top_of(dc, k) + e - e_h
    held = HELD_32 if out.itemsize == 4 else HELD_64
    common = e_h if -held <= top <= held else e
    write_row(dc, k, common - e, out)
    return common


@kernel
def gru_row(
    dh: Array, e: int, a_z: Array, a_n: Array, n: Array, h_before: Array, m: Array, k: Exponents,
    da_z: Array, da_n: Array, kept: Array,
) -> tuple[int, int, int]:  # fmt: skip
    """da_z = dh (h' - n) σ'; da_n = dh (1 - z) tanh'; kept = dh z; the exponents of the three."""
    for j in range(dh.size):
        slope, k[j] = sigmoid_slope_wide(a_z[j])
        m[j] = dh[j] * (np.float64(h_before[j]) - n[j]) * slope
    e_z = narrow(m, k, e, da_z)
    for j in range(dh.size):
        closed, k_z = sigmoid_wide(-a_z[j])
        slope, k_n = tanh_slope_wide(a_n[j])
        m[j], k[j] = dh[j] * closed * slope, k_z + k_n
    e_n = narrow(m, k, e, da_n)
    for j in range(dh.size):
        z, k[j] = sigmoid_wide(a_z[j])
        m[j] = dh[j] * z
    return e_z, e_n, narrow(m, k, e, kept)


@kernel
def gru_reset_row(
    dn: Array, e: int, a_r: Array, factor: Array, m: Array, k: Exponents, da_r: Array, through: Array
) -> tuple[int, int]:
    """da_r = dn · factor · σ'(a_r); through = dn r; the exponents of the two.

    The reset after the product: dn = da_n, factor v; before it: dn = ∂L/∂(r h'), factor h'.
    """
    for j in range(dn.size):
        slope, k[j] = sigmoid_slope_wide(a_r[j])
        m[j] = np.float64(dn[j]) * factor[j] * slope
    e_r = narrow(m, k, e, da_r)
    for j in range(dn.size):
        r, k[j] = sigmoid_wide(a_r[j])
        m[j] = dn[j] * r
    return e_r, narrow(m, k, e, through)

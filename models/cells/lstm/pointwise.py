"""An LSTM's step between its matrix products, and its transpose, on flat [batch · hidden] memory.

In the forward step the gates arrive as preactivations. In the backward step `da` is dL/d(preactivation), `dh` the total
dL/dh_t. Each line is its own loop: with few arrays in a loop the compiler sees that they do not overlap.
"""

import numpy as np

from models.bptt.compiled.adjoint import sum_of_squares
from models.bptt.compiled.elementary import tanh
from models.bptt.compiled.jit import Array, Flags, Gates, kernel
from models.bptt.compiled.saturated import beyond, beyond_sigmoid, beyond_tanh, flag_beyond, flag_sigmoid, flag_tanh
from models.bptt.compiled.slopes import tanh_and_slope

PLAIN, PEEPHOLE, WITHOUT_FORGET = 0, 1, 2
"""The LSTM, the one whose gates read the cell state, and the one of 1997 with f = 1: `Packing.option`."""

LARGE_32, LARGE_64 = 12.0, 40.0
"""Beyond these |c| the gradient of h is so small in c that the two may need exponents of their own."""
FLAT_32, FLAT_64 = np.float32(24), np.float64(200)
"""Beyond these |c| it changes no digit in c, unless c has no gradient of its own."""
BESIDE_32, BESIDE_64 = np.float32(2.0**-40), np.float64(2.0**-500)
"""From this share of its dL/dh on, a unit's dL/dc changes in no digit by a slope beyond `FLAT`."""
SUSTAINED = 2.0**-40
"""Square of the share of dL/dh that dL/dc must have on its own."""


@kernel
def in_order(option: int, gates: Gates) -> Gates:
    """i, f, g, o; the LSTM of 1997 keeps i, g, o, and f behind them."""
    return (gates[0], gates[3], gates[1], gates[2]) if option == WITHOUT_FORGET else gates


@kernel
def lstm_cell(i: Array, f: Array, g: Array, c_before: Array, c: Array) -> None:
    """c = f c' + i g."""
    for k in range(c.size):
        c[k] = f[k] * c_before[k] + i[k] * g[k]


@kernel
def lstm_hidden(o: Array, c: Array, h: Array) -> None:
    """h = o tanh(c)."""
    for k in range(h.size):
        h[k] = o[k] * tanh(c[k])


@kernel
def add_peephole(a: Array, p: Array, c: Array) -> None:
    """a ← a + p⊙c, for rows of units."""
    for b in range(a.shape[0]):
        for k in range(a.shape[1]):
            a[b, k] += p[k] * c[b, k]


@kernel
def lstm_backward_cell(dh: Array, carried_c: Array, o: Array, c: Array, dc: Array, da_o: Array) -> None:
    """da_o = dh tanh(c) σ'; dc = carried + dh o tanh'(c), without what would be subnormal beside `carried`."""
    zero, one = c.dtype.type(0), c.dtype.type(1)
    flat = FLAT_32 if c.itemsize == 4 else FLAT_64
    for k in range(c.size):
        y, slope = tanh_and_slope(c[k])
        slope = zero if abs(c[k]) > flat else slope
        da_o[k] = dh[k] * y * (o[k] * (one - o[k]))
        dc[k] = carried_c[k] + dh[k] * o[k] * slope


@kernel
def lstm_backward_gates(
    dc: Array, i: Array, f: Array, g: Array, c_before: Array, da_i: Array, da_f: Array, da_g: Array, carried_c: Array
) -> None:
    """da of i, f and g; carried ← f dc."""
    one = dc.dtype.type(1)
    for k in range(dc.size):
        da_i[k] = dc[k] * g[k] * (i[k] * (one - i[k]))
    for k in range(dc.size):
        da_f[k] = dc[k] * c_before[k] * (f[k] * (one - f[k]))
    for k in range(dc.size):
        da_g[k] = dc[k] * i[k] * (one - g[k] * g[k])
    for k in range(dc.size):
        carried_c[k] = dc[k] * f[k]


@kernel
def lstm_saturated(option: int, i: Array, f: Array, g: Array, o: Array) -> bool:
    """Whether a gate or the candidate has a slope that has lost its digits."""
    others = beyond_sigmoid(i) or beyond_sigmoid(o) or beyond_tanh(g)
    return others or (option != WITHOUT_FORGET and beyond_sigmoid(f))


@kernel
def flag_lstm(option: int, rows: Flags, i: Array, f: Array, g: Array, o: Array) -> None:
    """Flag the rows of which this is so."""
    flag_sigmoid(rows, i)
    flag_sigmoid(rows, o)
    flag_tanh(rows, g)
    if option != WITHOUT_FORGET:
        flag_sigmoid(rows, f)


@kernel
def cell_is_large(c: Array) -> bool:
    """Whether tanh(c) has a very small slope."""
    return beyond(c, LARGE_32 if c.itemsize == 4 else LARGE_64)


@kernel
def flag_large_cell(rows: Flags, c: Array) -> None:
    """Flag the rows of which this is so."""
    flag_beyond(rows, c, LARGE_32 if c.itemsize == 4 else LARGE_64)


@kernel
def cell_parts(c: Array, dh: Array, carried_c: Array) -> bool:
    """Whether one row's dL/dc may become far smaller than its dL/dh, by a small slope of tanh(c).

    It does not where c has a gradient of its own, as c that grows from step to step usually has. A unit that has none
    needs its slope, too: where the others' gradients fade, its own is all that is left.
    """
    if not cell_is_large(c):
        return False
    sustained = sum_of_squares(carried_c) >= SUSTAINED * sum_of_squares(dh)
    return not sustained or loses_unit(c, dh, carried_c)  # NaN parts them, too


@kernel
def loses_unit(c: Array, dh: Array, carried_c: Array) -> bool:
    """Whether a unit's slope would be taken for 0 that is all of its dL/dc."""
    flat, beside = (FLAT_32, BESIDE_32) if c.itemsize == 4 else (FLAT_64, BESIDE_64)
    lost = False
    for k in range(c.size):
        lost |= (abs(c[k]) > flat) & (abs(carried_c[k]) < beside * abs(dh[k]))
    return lost

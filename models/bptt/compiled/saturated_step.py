"""One whole backward step, of all cells, in which a unit is saturated: see `models.bptt.compiled.saturated`."""

import numpy as np

from models.bptt.compiled.cells import (
    ELMAN,
    GRU,
    GRU_RESET_BEFORE,
    LSTM,
    TANH,
    elman_backward,
    gru_backward,
    gru_reset_backward,
    gru_reset_before_backward,
    lstm_backward,
)
from models.bptt.compiled.jit import Array, Exponents, Gates, kernel
from models.bptt.compiled.product import multiply
from models.bptt.compiled.saturated import (
    elman_row,
    elman_saturated,
    gru_reset_row,
    gru_row,
    gru_saturated,
    lstm_row,
    lstm_saturated,
    store_cell,
)
from models.bptt.compiled.wide import add_rows, settle


@kernel
def saturated_step(
    cell: int,
    weights: tuple[Array, Array, Array],
    states: Gates,
    gates: Gates,
    out: tuple[Array, Array, Array],
    exponents: tuple[Exponents, Exponents, Exponents, Exponents],
    carried: tuple[Array, Array],
    da: Array,
    row_exponent: Exponents,
    hx: Array,
    rh: Array,
) -> None:
    """From dL/dh_t and what is carried to da, dL/dc_t, dL/dx_t and what is carried to the step before.

    `weights` are W, its transpose and (0, 1); `states` h', h, c', c; `out` dL/dh_t (given), dL/dc_t and dL/dx_t;
    `exponents` [sample] those of dL/dc_t, of dL/dx_t, of the carried h and of the carried c.
    """
    W, WT, zero_one = weights
    h_before, h, c_before, c = states
    dh, grad_cell, grad_x = out
    of_cell, of_x, of_h, of_c = exponents
    back, back_cell = carried
    P, B, H = da.shape
    a = preactivations(cell, WT, h_before, gates, hx, zero_one)
    m, k = np.empty(H), np.empty(H, np.int64)
    dc, of_gates, through = np.empty(H), np.empty(4, np.int64), np.empty((B, H), da.dtype)
    for b in range(B):
        e = of_h[b]
        if cell == ELMAN:
            if elman_saturated(h[b]):
                row_exponent[0, b] = elman_row(dh[b], e, a[0, b], m, k, da[0, b])
            else:
                elman_backward(dh[b], h[b], TANH, da[0, b])
        elif cell == LSTM:
            i, f, g, o = gates[0][b], gates[1][b], gates[2][b], gates[3][b]
            if of_c[b] != e or lstm_saturated(i, f, g, o, c[b]):
                e_c, of_c[b] = lstm_row(
                    dh[b], e, back_cell[b], of_c[b], a[:, b], g, c_before[b], c[b], m, k, dc, da[:, b], of_gates
                )
                row_exponent[:, b] = of_gates
                of_cell[b] = store_cell(dc, e_c, e, k, grad_cell[b])
            else:
                da_i, da_f, da_g, da_o = da[0, b], da[1, b], da[2, b], da[3, b]
                lstm_backward(dh[b], back_cell[b], i, f, g, o, c_before[b], c[b], grad_cell[b], da_i, da_f, da_g, da_o)
        else:
            r, z, n = gates[0][b], gates[1][b], gates[2][b]
            saturated = gru_saturated(r, z, n)
            if saturated:
                row_exponent[1, b], row_exponent[2, b], of_h[b] = gru_row(
                    dh[b], e, a[1, b], a[2, b], n, h_before[b], m, k, da[1, b], da[2, b], back[b]
                )
            else:
                gru_backward(dh[b], z, n, h_before[b], da[1, b], da[2, b], back[b])
            if cell == GRU and saturated:
                v = gates[3][b]
                row_exponent[0, b], row_exponent[3, b] = gru_reset_row(
                    da[2, b], row_exponent[2, b], a[0, b], v, m, k, da[0, b], da[3, b]
                )
            elif cell == GRU:
                gru_reset_backward(da[2, b], r, gates[3][b], da[0, b], da[3, b])

    if cell == GRU_RESET_BEFORE:
        multiply(da[2], W[2, :, :H], rh, zero_one, False)
        for b in range(B):
            r, z, n = gates[0][b], gates[1][b], gates[2][b]
            if gru_saturated(r, z, n):
                row_exponent[0, b], e = gru_reset_row(
                    rh[b], row_exponent[2, b], a[0, b], h_before[b], m, k, da[0, b], through[b]
                )
                of_h[b] = add_rows(back[b], of_h[b], through[b], e)
                rh[b] = r * h_before[b]
            else:
                gru_reset_before_backward(rh[b], r, h_before[b], da[0, b], back[b])
    if cell < GRU:
        back[:] = 0
        of_h[:] = row_exponent[0]
    for p in range(P):
        if cell < GRU or p != 2:  # a GRU's n reaches h' through r
            add_through(da[p], row_exponent[p], W[p, :, :H], back, of_h, through, zero_one)
    if cell == LSTM:
        for b in range(B):
            of_h[b], of_c[b] = settle(back[b], of_h[b], back_cell[b], of_c[b])
    if grad_x.size > 0:
        grad_x[:] = 0
        of_x[:] = row_exponent[0]
        through = np.empty_like(grad_x)
        for p in range(min(P, 3) if cell == GRU else P):
            add_through(da[p], row_exponent[p], W[p, :, H + 1 :], grad_x, of_x, through, zero_one)


@kernel
def preactivations(cell: int, WT: Array, h_before: Array, gates: Gates, hx: Array, zero_one: Array) -> Array:
    """a of every gate [gate, sample, unit], as the forward step made them."""
    B, H = h_before.shape
    a = np.empty((WT.shape[0], B, H), WT.dtype)
    for p in range(WT.shape[0] if cell < GRU else 2):
        multiply(hx, WT[p], a[p], zero_one, False)
    if cell == GRU:
        multiply(hx[:, H:], WT[2, H:], a[2], zero_one, False)
        a[2] += gates[0] * gates[3]
    elif cell == GRU_RESET_BEFORE:
        reset = hx.copy()
        reset[:, :H] = gates[0] * h_before
        multiply(reset, WT[2], a[2], zero_one, False)
    return a


@kernel
def add_through(
    da: Array, exponent: Exponents, W: Array, out: Array, out_exponent: Exponents, product: Array, zero_one: Array
) -> None:
    """out ← out + da W, row by row with an exponent each."""
    multiply(da, W, product, zero_one, False)
    for b in range(out.shape[0]):
        out_exponent[b] = add_rows(out[b], out_exponent[b], product[b], exponent[b])

"""The LSTM's backward step with a saturated unit: slopes come from preactivations, each row has its own exponent."""

import numpy as np

from models.bptt.compiled.elementary import tanh_64
from models.bptt.compiled.jit import Array, Exponents, Gates, kernel
from models.bptt.compiled.product import multiply
from models.bptt.compiled.saturated import add_carried, send_back, store_cell
from models.bptt.compiled.wide import narrow, settle, sigmoid_slope_wide, sigmoid_wide, tanh_slope_wide
from models.cells.lstm.pointwise import lstm_backward, lstm_saturated


@kernel
def saturated_step(
    option: int,
    matrices: tuple[Array, Array, Array],
    vectors: Array,
    states: Gates,
    gates: Gates,
    grads: tuple[Array, Array],
    exponents: tuple[Exponents, Exponents, Exponents],
    carried: tuple[Array, Array],
    da: Array,
    row_exponent: Exponents,
    hx: Array,
    others: Array,
) -> None:
    """dL/dc and da of each gate, and the gradients carried to h' and c'."""
    W, WT, zero_one = matrices
    _, _, c_before, c = states
    dh, grad_cell = grads
    of_cell, of_h, of_c = exponents
    back, back_cell = carried
    B, H = c.shape
    a = np.empty((4, B, H), c.dtype)
    for p in range(4):
        multiply(hx, WT[p], a[p], zero_one, False)
    m, k, dc, of_gates = np.empty(H), np.empty(H, np.int64), np.empty(H), np.empty(4, np.int64)
    for b in range(B):
        e, i, f, g, o = of_h[b], gates[0][b], gates[1][b], gates[2][b], gates[3][b]
        if of_c[b] != e or lstm_saturated(i, f, g, o, c[b]):
            e_c, of_c[b] = lstm_row(
                dh[b], e, back_cell[b], of_c[b], a[:, b], g, c_before[b], c[b], m, k, dc, da[:, b], of_gates
            )
            row_exponent[:, b] = of_gates
            of_cell[b] = store_cell(dc, e_c, e, k, grad_cell[b])
        else:
            da_i, da_f, da_g, da_o = da[0, b], da[1, b], da[2, b], da[3, b]
            lstm_backward(dh[b], back_cell[b], i, f, g, o, c_before[b], c[b], grad_cell[b], da_i, da_f, da_g, da_o)
    back[:] = 0
    of_h[:] = row_exponent[0]
    for p in range(4):
        send_back(da[p], row_exponent[p], W[p, :, :H], back, of_h, zero_one)
    for b in range(B):
        of_h[b], of_c[b] = settle(back[b], of_h[b], back_cell[b], of_c[b])


@kernel
def lstm_row(
    dh: Array, e_h: int, carried_c: Array, e_c: int, a: Array, g: Array, c_before: Array, c: Array,
    m: Array, k: Exponents, dc: Array, da: Array, exponents: Exponents,
) -> tuple[int, int]:  # fmt: skip
    """dc = carried + dh o tanh'(c); da of each gate; carried ← f dc. Returns the exponents of dc and of carried.

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

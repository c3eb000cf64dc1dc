"""The LSTMs' backward step with a saturated unit: slopes come from preactivations, each row has its own exponent."""

import numpy as np

from models.bptt.compiled.elementary import tanh_64
from models.bptt.compiled.jit import Array, Exponents, Gates, kernel
from models.bptt.compiled.product import multiply
from models.bptt.compiled.saturated import add_carried, send_back, store_cell
from models.bptt.compiled.wide import add_rows, narrow, settle, sigmoid_slope_wide, sigmoid_wide, tanh_slope_wide
from models.cells.lstm.pointwise import (
    PEEPHOLE,
    WITHOUT_FORGET,
    add_peephole,
    in_order,
    lstm_backward_cell,
    lstm_backward_gates,
    lstm_saturated,
)


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
    i, f, g, o = in_order(option, gates)
    _, _, c_before, c = states
    dh, grad_cell = grads
    of_cell, of_h, of_c = exponents
    back, back_c = carried
    B, H = c.shape
    a = preactivations(option, WT, vectors, states, hx, zero_one)
    m, k, dc, of_gates = np.empty(H), np.empty(H, np.int64), np.empty(H), np.empty(4, np.int64)
    for b in range(B):
        e, row = of_h[b], slice(b, b + 1)
        if of_c[b] != e or lstm_saturated(option, i[b], f[b], g[b], o[b], c[b]):
            e_c, of_c[b] = lstm_row(
                option, dh[b], e, back_c[b], of_c[b], a[:, b], g[b], c_before[b], c[b], vectors, m, k, dc,
                da[:, b], of_gates,
            )  # fmt: skip
            row_exponent[:, b] = of_gates
            of_cell[b] = store_cell(dc, e_c, e, k, grad_cell[b])
        else:
            lstm_backward_cell(dh[b], back_c[b], o[b], c[b], grad_cell[b], da[3, b])
            if option == PEEPHOLE:
                add_peephole(grad_cell[row], vectors[2], da[3, row])
            lstm_backward_gates(
                grad_cell[b], i[b], f[b], g[b], c_before[b], da[0, b], da[1, b], da[2, b], back_c[b]
            )  # fmt: skip
            if option == PEEPHOLE:
                add_peephole(back_c[row], vectors[0], da[0, row])
                add_peephole(back_c[row], vectors[1], da[1, row])
    back[:] = 0
    of_h[:] = row_exponent[0]
    for p in range(4):
        if option != WITHOUT_FORGET or p != 1:
            send_back(da[p], row_exponent[p], W[p, :, :H], back, of_h, zero_one)
    for b in range(B):
        of_h[b], of_c[b] = settle(back[b], of_h[b], back_c[b], of_c[b])
    if option == PEEPHOLE:
        others[0] = c_before
        others[1] = c


@kernel
def preactivations(option: int, WT: Array, vectors: Array, states: Gates, hx: Array, zero_one: Array) -> Array:
    """a of i, f, g, o [gate, sample, unit], as the forward step made them; an f = 1 has a_f = ∞."""
    _, _, c_before, c = states
    a = np.empty((4, *c.shape), c.dtype)
    for p in range(4):
        multiply(hx, WT[p], a[p], zero_one, False)
    if option == PEEPHOLE:
        add_peephole(a[0], vectors[0], c_before)
        add_peephole(a[1], vectors[1], c_before)
        add_peephole(a[3], vectors[2], c)
    elif option == WITHOUT_FORGET:
        a[1] = np.inf
    return a


@kernel
def lstm_row(
    option: int, dh: Array, e_h: int, carried_c: Array, e_c: int, a: Array, g: Array, c_before: Array, c: Array,
    vectors: Array, m: Array, k: Exponents, dc: Array, da: Array, exponents: Exponents,
) -> tuple[int, int]:  # fmt: skip
    """dc = carried + dh o tanh'(c) + p_o da_o; da of each gate; carried ← f dc + p_i da_i + p_f da_f.

    Returns the exponents of dc and of carried. a and da are [gate, unit], exponents [gate]; m, k and dc (float64) are
    working memory.
    """
    a_i, a_f, a_g, a_o = a[0], a[1], a[2], a[3]
    for j in range(dh.size):
        o_slope, k[j] = sigmoid_slope_wide(a_o[j])
        m[j] = dh[j] * tanh_64(np.float64(c[j])) * o_slope
    exponents[3] = narrow(m, k, e_h, da[3])
    if option == PEEPHOLE:
        for j in range(dh.size):
            m[j], k[j] = vectors[2, j] * m[j], k[j] + e_h - e_c
        e_c = add_carried(m, k, carried_c, e_c, dc)
        carried_c[:] = dc
    for j in range(dh.size):
        o, k_o = sigmoid_wide(a_o[j])
        slope, k_c = tanh_slope_wide(c[j])
        m[j], k[j] = dh[j] * o * slope, k_o + k_c + e_h - e_c
    e = add_carried(m, k, carried_c, e_c, dc)
    for j in range(dh.size):
        f, k[j] = sigmoid_wide(a_f[j])
        m[j] = f * dc[j]
    e_kept = narrow(m, k, e, carried_c)
    for j in range(dh.size):
        i_slope, k[j] = sigmoid_slope_wide(a_i[j])
        m[j] = dc[j] * g[j] * i_slope
    exponents[0] = narrow(m, k, e, da[0])
    if option == PEEPHOLE:
        e_kept = add_peephole_row(m, k, vectors[0], e, carried_c, e_kept)
    for j in range(dh.size):
        f_slope, k[j] = sigmoid_slope_wide(a_f[j])
        m[j] = dc[j] * c_before[j] * f_slope
    exponents[1] = narrow(m, k, e, da[1])
    if option == PEEPHOLE:
        e_kept = add_peephole_row(m, k, vectors[1], e, carried_c, e_kept)
    for j in range(dh.size):
        i, k_i = sigmoid_wide(a_i[j])
        g_slope, k_g = tanh_slope_wide(a_g[j])
        m[j], k[j] = dc[j] * i * g_slope, k_i + k_g
    exponents[2] = narrow(m, k, e, da[2])
    return e, e_kept


@kernel
def add_peephole_row(m: Array, k: Exponents, p: Array, e: int, carried: Array, e_carried: int) -> int:
    """carried ← carried + p⊙(m · 2^k), the row relative to 2^e. Returns carried's exponent."""
    sent = np.empty_like(carried)
    for j in range(m.size):
        m[j] *= p[j]
    e_sent = narrow(m, k, e, sent)
    return add_rows(carried, e_carried, sent, e_sent)

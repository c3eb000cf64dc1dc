"""The LSTMs' backward step with a saturated unit: slopes come from preactivations, each row has its own exponent."""

import numpy as np

from models.bptt.compiled.borrow import borrowed
from models.bptt.compiled.elementary import tanh_64
from models.bptt.compiled.jit import Array, Exponents, Flags, Gates, kernel
from models.bptt.compiled.near import ends
from models.bptt.compiled.product import multiply
from models.bptt.compiled.saturated import add_carried, send_back, store_cell
from models.bptt.compiled.wide import add_rows, narrow, settle_rows, sigmoid_and_slope_row, tanh_slope_row
from models.cells.lstm.near import lstm_near
from models.cells.lstm.pointwise import (
    PEEPHOLE,
    WITHOUT_FORGET,
    add_peephole,
    cell_parts,
    flag_large_cell,
    flag_lstm,
    in_order,
    lstm_backward_cell,
    lstm_backward_gates,
)


@kernel
def saturated_step(
    option: int,
    matrices: tuple[Array, Array],
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
    W, WT = matrices
    i, f, g, o = in_order(option, gates)
    _, _, c_before, c = states
    _, of_h, of_c = exponents
    back, back_c = carried
    B, H = c.shape
    a = preactivations(option, WT, vectors, states, hx)
    flags, kept, of_gates = np.empty((3, B), np.bool_), np.empty((B, H), da.dtype), np.empty(4, np.int64)
    saturated_rows(
        option, (i, f, g, o), (c_before, c), vectors, grads, exponents, back_c, row_exponent,
        (a, da, flags, kept, np.empty((3, H)), np.empty((2, H), np.int64), of_gates),
    )  # fmt: skip
    back[:] = 0
    of_h[:] = row_exponent[0]
    for p in range(4):
        if option != WITHOUT_FORGET or p != 1:
            send_back(da[p], row_exponent[p], W[p, :, :H], back, of_h)
    settle_rows(back, of_h, back_c, of_c)
    if option == PEEPHOLE:
        others[0] = c_before
        others[1] = c


@kernel
def saturated_rows(
    option: int, gates: Gates, cells: tuple[Array, Array], vectors: Array, grads: tuple[Array, Array],
    exponents: tuple[Exponents, Exponents, Exponents], back_c: Array, row_exponent: Exponents,
    memory: tuple[Array, Array, Flags, Array, Array, Exponents, Exponents],
) -> None:  # fmt: skip
    """dL/dc and da of each gate; `memory` has the preactivations, da, flags of rows, and what a row works in."""
    i, f, g, o = gates
    c_before, c = cells
    dh, grad_cell = grads
    of_cell, of_h, of_c = exponents
    a, da, flags, kept, floats, whole, of_gates = borrowed(memory)
    saturated, parted, near = flags
    work = floats[0], floats[1], floats[2], whole[0], whole[1]
    parted[:] = False
    flag_large_cell(parted, c)
    for b in range(len(c)):
        parted[b] = of_c[b] != of_h[b] or (parted[b] and cell_parts(c[b], dh[b], back_c[b]))
    saturated[:] = parted
    flag_lstm(option, saturated, i, f, g, o)
    for b in range(len(c)):
        near[b] = saturated[b] and not parted[b] and option != PEEPHOLE
    first, last = ends(near)
    k = slice(first, last)
    of_rows = a[0, k], a[1, k], a[2, k], a[3, k]
    of_near = da[0, k], da[1, k], da[2, k], da[3, k]
    lstm_near(near[k], option, dh[k], back_c[k], of_rows, g[k], c_before[k], c[k], grad_cell[k], of_near, kept[k])
    for b in range(len(c)):
        e, row = of_h[b], slice(b, b + 1)
        if near[b]:
            back_c[b] = kept[b]
        elif saturated[b]:
            of_row = a[0, b], a[1, b], a[2, b], a[3, b]
            of_gate = da[0, b], da[1, b], da[2, b], da[3, b]
            e_c, of_c[b] = lstm_row(
                option, dh[b], e, back_c[b], of_c[b], of_row, g[b], c_before[b], c[b], vectors, work, of_gate, of_gates
            )
            row_exponent[:, b] = of_gates
            of_cell[b] = store_cell(work[1], e_c, e, work[3], grad_cell[b])
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


@kernel
def preactivations(option: int, WT: Array, vectors: Array, states: Gates, hx: Array) -> Array:
    """a of i, f, g, o [gate, sample, unit], as the forward step made them; an f = 1 has none."""
    _, _, c_before, c = states
    a = np.empty((4, *c.shape), c.dtype)
    for p in range(4):
        if option != WITHOUT_FORGET or p != 1:
            multiply(hx, WT[p], a[p], False)
    if option == PEEPHOLE:
        add_peephole(a[0], vectors[0], c_before)
        add_peephole(a[1], vectors[1], c_before)
        add_peephole(a[3], vectors[2], c)
    return a


@kernel
def lstm_row(
    option: int, dh: Array, e_h: int, carried_c: Array, e_c: int, a: Gates, g: Array, c_before: Array, c: Array,
    vectors: Array, work: tuple[Array, Array, Array, Exponents, Exponents], da: Gates, exponents: Exponents,
) -> tuple[int, int]:  # fmt: skip
    """dc = carried + dh o tanh'(c) + p_o da_o; da of each gate; carried ← f dc + p_i da_i + p_f da_f.

    Returns the exponents of dc and of carried. a, da and exponents have a row per gate; `work` is m, dc and value
    (float64), and the exponents of m and value.
    """
    a_i, a_f, a_g, a_o = a
    m, dc, value, k, k_value = work
    H = dh.size
    sigmoid_and_slope_row(a_o, value, k_value, m, k)
    for j in range(H):
        m[j] *= dh[j] * tanh_64(np.float64(c[j]))
    exponents[3] = narrow(m, k, e_h, da[3])
    if option == PEEPHOLE:
        for j in range(H):
            m[j], k[j] = vectors[2, j] * m[j], k[j] + e_h - e_c
        e_c = add_carried(m, k, carried_c, e_c, dc)
        carried_c[:] = dc

    tanh_slope_row(c, m, k)
    for j in range(H):
        m[j] *= dh[j] * value[j]
    for j in range(H):
        k[j] += k_value[j] + e_h - e_c
    e = add_carried(m, k, carried_c, e_c, dc)

    if option == WITHOUT_FORGET:
        k[:] = 0
        e_kept = narrow(dc, k, e, carried_c)
        da[1][:] = 0
        exponents[1] = e
    else:
        sigmoid_and_slope_row(a_f, value, k_value, m, k)
        for j in range(H):
            value[j] *= dc[j]
        e_kept = narrow(value, k_value, e, carried_c)
        for j in range(H):
            m[j] *= dc[j] * c_before[j]
        exponents[1] = narrow(m, k, e, da[1])
        if option == PEEPHOLE:
            e_kept = add_peephole_row(m, k, vectors[1], e, carried_c, e_kept)

    sigmoid_and_slope_row(a_i, value, k_value, m, k)
    for j in range(H):
        m[j] *= dc[j] * g[j]
    exponents[0] = narrow(m, k, e, da[0])
    if option == PEEPHOLE:
        e_kept = add_peephole_row(m, k, vectors[0], e, carried_c, e_kept)

    tanh_slope_row(a_g, m, k)
    for j in range(H):
        m[j] *= dc[j] * value[j]
    for j in range(H):
        k[j] += k_value[j]
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

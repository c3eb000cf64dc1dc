"""The GRU's backward step with a saturated unit: slopes come from preactivations, each row has its own exponent."""

import numpy as np

from models.bptt.compiled.borrow import borrowed
from models.bptt.compiled.jit import Array, Exponents, Flags, Gates, kernel
from models.bptt.compiled.product import multiply
from models.bptt.compiled.saturated import has_sigmoid_slope, has_tanh_slope, send_back
from models.bptt.compiled.slopes import sigmoid_and_slope, sigmoid_row, tanh_and_slope
from models.bptt.compiled.wide import (
    add_rows,
    closed_row,
    keeps_exponent,
    multiply_row,
    narrow,
    sigmoid_and_slope_row,
    tanh_slope_row,
)
from models.cells.gru.pointwise import gru_backward, gru_reset_backward, gru_reset_before_backward, gru_saturated

RESET_BEFORE, RESET_AFTER = 0, 1

Work = tuple[Array, Array, Exponents, Exponents]
"""Two rows of float64, and an exponent for each of their numbers."""


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
    """da of each product, and the gradient carried to h'."""
    W, WT = matrices
    h_before, dh, of_h, back = states[0], grads[0], exponents[1], carried[0]
    H = h_before.shape[1]
    a = preactivations(option, WT, h_before, gates, hx)
    saturated = np.empty(len(dh), np.bool_)
    memory = a, saturated, np.empty((2, H)), np.empty((2, H), np.int64)
    saturated_rows(option, gates, h_before, dh, of_h, back, da, row_exponent, memory)
    if option == RESET_BEFORE:
        through_reset(da, row_exponent, W, gates[0], h_before, others[0], back, of_h, (a[0], saturated))
    else:
        send_back(da[0], row_exponent[0], W[0, :, :H], back, of_h)
        send_back(da[3], row_exponent[3], W[3, :, :H], back, of_h)
    send_back(da[1], row_exponent[1], W[1, :, :H], back, of_h)


@kernel
def saturated_rows(
    option: int, gates: Gates, h_before: Array, dh: Array, of_h: Exponents, back: Array,
    da: Array, row_exponent: Exponents, memory: tuple[Array, Flags, Array, Exponents],
) -> None:  # fmt: skip
    """da of the products, and dh z, row by row; `memory` has the preactivations and what a row works in."""
    a, saturated, floats, whole = borrowed(memory)
    work = floats[0], floats[1], whole[0], whole[1]
    for b in range(len(dh)):
        r, z, n, h = gates[0][b], gates[1][b], gates[2][b], h_before[b]
        saturated[b] = gru_saturated(r, z, n)
        if saturated[b]:
            row_exponent[1, b], row_exponent[2, b], of_h[b] = gru_row(
                dh[b], of_h[b], a[1, b], a[2, b], n, h, work, da[1, b], da[2, b], back[b]
            )
            if option == RESET_AFTER:
                row_exponent[0, b], row_exponent[3, b] = gru_reset_row(
                    da[2, b], row_exponent[2, b], a[0, b], gates[3][b], work, da[0, b], da[3, b]
                )
        else:
            gru_backward(dh[b], z, n, h, da[1, b], da[2, b], back[b])
            if option == RESET_AFTER:
                gru_reset_backward(da[2, b], r, gates[3][b], da[0, b], da[3, b])


@kernel
def through_reset(
    da: Array, row_exponent: Exponents, W: Array, r: Array, h_before: Array, rh: Array, back: Array, of_h: Exponents,
    of_rows: tuple[Array, Flags],
) -> None:  # fmt: skip
    """da_r, and what n sends to h' through r⊙h', the reset before the product; rh ← r⊙h'.

    `of_rows` are a_r and which rows are saturated.
    """
    H = rh.shape[1]
    multiply(da[2], W[2, :, :H], rh, False)
    memory = np.empty((2, H)), np.empty((2, H), np.int64), np.empty(H, da.dtype)
    reset_rows(da[0], row_exponent, r, h_before, rh, back, of_h, of_rows, memory)
    send_back(da[0], row_exponent[0], W[0, :, :H], back, of_h)


@kernel
def reset_rows(
    da_r: Array, row_exponent: Exponents, r: Array, h_before: Array, rh: Array, back: Array, of_h: Exponents,
    of_rows: tuple[Array, Flags], memory: tuple[Array, Exponents, Array],
) -> None:  # fmt: skip
    """From rh = ∂L/∂(r h'): da_r and ∂L/∂h' of each row; rh ← r⊙h'."""
    a_r, saturated = borrowed(of_rows)
    floats, whole, through = borrowed(memory)
    work = floats[0], floats[1], whole[0], whole[1]
    for b in range(len(rh)):
        if saturated[b]:
            row_exponent[0, b], e = gru_reset_row(
                rh[b], row_exponent[2, b], a_r[b], h_before[b], work, da_r[b], through
            )
            of_h[b] = add_rows(back[b], of_h[b], through, e)
            for j in range(rh.shape[1]):
                rh[b, j] = r[b, j] * h_before[b, j]
        else:
            gru_reset_before_backward(rh[b], r[b], h_before[b], da_r[b], back[b])


@kernel
def preactivations(option: int, WT: Array, h_before: Array, gates: Gates, hx: Array) -> Array:
    """a_r, a_z and a_n [gate, sample, unit], as the forward step made them."""
    B, H = h_before.shape
    a = np.empty((3, B, H), WT.dtype)
    multiply(hx, WT[0], a[0], False)
    multiply(hx, WT[1], a[1], False)
    if option == RESET_AFTER:
        multiply(hx[:, H:], WT[2, H:], a[2], False)
        a[2] += gates[0] * gates[3]
    else:
        reset = hx.copy()
        reset[:, :H] = gates[0] * h_before
        multiply(reset, WT[2], a[2], False)
    return a


@kernel
def gru_row(
    dh: Array, e: int, a_z: Array, a_n: Array, n: Array, h_before: Array, work: Work,
    da_z: Array, da_n: Array, kept: Array,
) -> tuple[int, int, int]:  # fmt: skip
    """da_z = dh (h' - n) σ'; da_n = dh (1 - z) tanh', or without tanh' if there is no a_n; kept = dh z.

    Returns the exponents of the three.
    """
    if gru_near_row(dh, a_z, a_n, n, h_before, da_z, da_n, kept):
        return e, e, e
    m, value, k, k_value = work
    sigmoid_and_slope_row(a_z, value, k_value, m, k)
    for j in range(dh.size):
        m[j] *= np.float64(h_before[j]) - n[j]
    multiply_row(m, dh)
    e_z = narrow(m, k, e, da_z)
    multiply_row(value, dh)
    e_kept = narrow(value, k_value, e, kept)
    closed_row(a_z, value, k_value)
    multiply_row(value, dh)
    if a_n.size > 0:
        tanh_slope_row(a_n, m, k)
        multiply_row(value, m)
        for j in range(dh.size):
            k_value[j] += k[j]
    return e_z, narrow(value, k_value, e, da_n), e_kept


@kernel
def gru_near_row(
    dh: Array, a_z: Array, a_n: Array, n: Array, h_before: Array, da_z: Array, da_n: Array, kept: Array
) -> bool:  # fmt: skip
    """The same in the row's own dtype. Returns whether this holds all slopes and results."""
    if not (has_sigmoid_slope(a_z) and has_tanh_slope(a_n)):
        return False
    sigmoid_row(a_z, kept, da_z)
    for j in range(dh.size):
        da_z[j] *= dh[j] * (h_before[j] - n[j])
    for j in range(dh.size):
        kept[j] *= dh[j]
    for j in range(dh.size):
        closed, _ = sigmoid_and_slope(-a_z[j])
        da_n[j] = dh[j] * closed
    for j in range(a_n.size):
        _, slope = tanh_and_slope(a_n[j])
        da_n[j] *= slope
    return keeps_exponent(da_z) and keeps_exponent(da_n) and keeps_exponent(kept)


@kernel
def gru_reset_row(
    dn: Array, e: int, a_r: Array, factor: Array, work: Work, da_r: Array, through: Array
) -> tuple[int, int]:
    """da_r = dn · factor · σ'(a_r); through = dn r. Returns the exponents of the two.

    The reset after the product: dn = da_n, factor v; before it: dn = ∂L/∂(r h'), factor h'.
    """
    if reset_near_row(dn, a_r, factor, da_r, through):
        return e, e
    m, value, k, k_value = work
    sigmoid_and_slope_row(a_r, value, k_value, m, k)
    multiply_row(m, dn)
    multiply_row(m, factor)
    e_r = narrow(m, k, e, da_r)
    multiply_row(value, dn)
    return e_r, narrow(value, k_value, e, through)


@kernel
def reset_near_row(dn: Array, a_r: Array, factor: Array, da_r: Array, through: Array) -> bool:
    """The same in the row's own dtype. Returns whether this holds all slopes and results."""
    if not has_sigmoid_slope(a_r):
        return False
    sigmoid_row(a_r, through, da_r)
    for j in range(dn.size):
        da_r[j] *= dn[j] * factor[j]
    for j in range(dn.size):
        through[j] *= dn[j]
    return keeps_exponent(da_r) and keeps_exponent(through)

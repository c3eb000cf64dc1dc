"""The GRU's backward step with a saturated unit: slopes come from preactivations, each row has its own exponent."""

import numpy as np

from models.bptt.compiled.borrow import borrowed
from models.bptt.compiled.jit import Array, Exponents, Flags, Gates, kernel
from models.bptt.compiled.near import ends
from models.bptt.compiled.product import multiply
from models.bptt.compiled.saturated import send_back
from models.bptt.compiled.wide import (
    add_rows,
    closed_row,
    multiply_row,
    narrow,
    sigmoid_and_slope_row,
    tanh_slope_row,
)
from models.cells.gru.near import gru_near, reset_near
from models.cells.gru.pointwise import flag_gru, gru_backward, gru_reset_backward, gru_reset_before_backward

RESET_BEFORE, RESET_AFTER = 0, 1

Work = tuple[Array, Array, Exponents, Exponents]
"""Two rows of float64, and an exponent for each of their numbers."""
Memory = tuple[Flags, Flags, Array, Exponents]
"""Which rows are saturated, which of them their dtype holds, and what a row of wider numbers works in."""


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
    B, H = h_before.shape
    a = preactivations(option, WT, h_before, gates, hx)
    memory = np.empty(B, np.bool_), np.empty(B, np.bool_), np.empty((2, H)), np.empty((2, H), np.int64)
    saturated_rows(option, gates, h_before, dh, of_h, back, da, row_exponent, a, memory)
    if option == RESET_BEFORE:
        through_reset(da, row_exponent, W, gates[0], h_before, others[0], back, of_h, a[0], memory)
    else:
        send_back(da[0], row_exponent[0], W[0, :, :H], back, of_h)
        send_back(da[3], row_exponent[3], W[3, :, :H], back, of_h)
    send_back(da[1], row_exponent[1], W[1, :, :H], back, of_h)


@kernel
def saturated_rows(
    option: int, gates: Gates, h_before: Array, dh: Array, of_h: Exponents, back: Array,
    da: Array, row_exponent: Exponents, a: Array, memory: Memory,
) -> None:  # fmt: skip
    """da of the products, and dh z; `a` has the preactivations."""
    saturated, _, _, _ = borrowed(memory)
    r, z, n, v = gates
    saturated[:] = False
    flag_gru(saturated, r, z, n)
    gru_rows(dh, of_h, a[1], a[2], n, h_before, da[1], da[2], back, row_exponent[1], row_exponent[2], memory)
    for b in range(len(dh)):
        if not saturated[b]:
            gru_backward(dh[b], z[b], n[b], h_before[b], da[1, b], da[2, b], back[b])
    if option == RESET_AFTER:
        row_exponent[3] = row_exponent[2]
        reset_rows(da[2], row_exponent[3], a[0], v, da[0], row_exponent[0], da[3], memory)
        for b in range(len(dh)):
            if not saturated[b]:
                gru_reset_backward(da[2, b], r[b], v[b], da[0, b], da[3, b])


@kernel
def through_reset(
    da: Array, row_exponent: Exponents, W: Array, r: Array, h_before: Array, rh: Array, back: Array, of_h: Exponents,
    a_r: Array, memory: Memory,
) -> None:  # fmt: skip
    """da_r, and what n sends to h' through r⊙h', the reset before the product; rh ← r⊙h'."""
    H = rh.shape[1]
    sent, through, of_through = np.empty_like(h_before), np.empty_like(h_before), row_exponent[2].copy()
    multiply(da[2], W[2, :, :H], sent, False)
    reset_rows(sent, of_through, a_r, h_before, da[0], row_exponent[0], through, memory)
    write_reset(sent, r, h_before, da[0], back, of_h, (through, of_through, memory[0]), rh)
    send_back(da[0], row_exponent[0], W[0, :, :H], back, of_h)


@kernel
def write_reset(
    d_rh: Array, r: Array, h_before: Array, da_r: Array, back: Array, of_h: Exponents,
    sent: tuple[Array, Exponents, Flags], rh: Array,
) -> None:  # fmt: skip
    """back ← back + what is sent through r⊙h'; da_r of the rows that are not saturated; rh ← r⊙h'."""
    through, of_through, saturated = borrowed(sent)
    for b in range(len(rh)):
        if saturated[b]:
            of_h[b] = add_rows(back[b], of_h[b], through[b], of_through[b])
        else:
            gru_reset_before_backward(d_rh[b], r[b], h_before[b], da_r[b], back[b])
        for j in range(rh.shape[1]):
            rh[b, j] = r[b, j] * h_before[b, j]


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
def gru_rows(
    dh: Array, of_h: Exponents, a_z: Array, a_n: Array, n: Array, h_before: Array,
    da_z: Array, da_n: Array, kept: Array, of_z: Exponents, of_n: Exponents, memory: Memory,
) -> None:  # fmt: skip
    """da_z = dh (h' - n) σ'; da_n = dh (1 - z) tanh', or without tanh' if there is no a_n; kept = dh z.

    The exponents of the saturated rows become those of the results, that of dh becomes that of kept. What the other
    rows hold between the first and the last of these has no meaning.
    """
    saturated, near, floats, whole = borrowed(memory)
    work = floats[0], floats[1], whole[0], whole[1]
    near[:] = saturated
    first, last = ends(saturated)
    k = slice(first, last)
    gru_near(near[k], dh[k], a_z[k], a_n[k], n[k], h_before[k], da_z[k], da_n[k], kept[k])
    for b in range(first, last):
        if saturated[b] and not near[b]:
            of_z[b], of_n[b], of_h[b] = gru_row(
                dh[b], of_h[b], a_z[b], a_n[b], n[b], h_before[b], work, da_z[b], da_n[b], kept[b]
            )


@kernel
def gru_row(
    dh: Array, e: int, a_z: Array, a_n: Array, n: Array, h_before: Array, work: Work,
    da_z: Array, da_n: Array, kept: Array,
) -> tuple[int, int, int]:  # fmt: skip
    """The same of one row, with wider numbers. Returns the exponents of da_z, da_n and kept."""
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
def reset_rows(
    dn: Array, of_through: Exponents, a_r: Array, factor: Array, da_r: Array, of_r: Exponents, through: Array,
    memory: Memory,
) -> None:  # fmt: skip
    """da_r = dn · factor · σ'(a_r); through = dn r.

    `of_through` has the exponents of dn before and those of `through` afterwards; all else is as in `gru_rows`.

    The reset after the product: dn = da_n, factor v; before it: dn = ∂L/∂(r h'), factor h'.
    """
    saturated, near, floats, whole = borrowed(memory)
    work = floats[0], floats[1], whole[0], whole[1]
    near[:] = saturated
    first, last = ends(saturated)
    k = slice(first, last)
    reset_near(near[k], dn[k], a_r[k], factor[k], da_r[k], through[k])
    for b in range(first, last):
        if saturated[b]:
            of_r[b] = of_through[b]
            if not near[b]:
                of_r[b], of_through[b] = reset_row(dn[b], of_through[b], a_r[b], factor[b], work, da_r[b], through[b])


@kernel
def reset_row(
    dn: Array, e: int, a_r: Array, factor: Array, work: Work, da_r: Array, through: Array
) -> tuple[int, int]:  # fmt: skip
    """The same of one row, with wider numbers. Returns the exponents of da_r and through."""
    m, value, k, k_value = work
    sigmoid_and_slope_row(a_r, value, k_value, m, k)
    multiply_row(m, dn)
    multiply_row(m, factor)
    e_r = narrow(m, k, e, da_r)
    multiply_row(value, dn)
    return e_r, narrow(value, k_value, e, through)

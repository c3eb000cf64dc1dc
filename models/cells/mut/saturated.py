"""The MUTs' backward step with a saturated unit: slopes come from preactivations, each row has its own exponent.

A MUT's z keeps where the GRU's lets go: its step is the GRU's with σ(−a_z) for z.
"""

import numpy as np

from models.bptt.compiled.borrow import borrowed
from models.bptt.compiled.jit import Array, Exponents, Gates, kernel
from models.bptt.compiled.product import multiply
from models.bptt.compiled.saturated import beyond_cell, beyond_tanh, send_back
from models.bptt.compiled.wide import add_rows, multiply_row, narrow, tanh_slope_row
from models.cells.gru.pointwise import flag_gru, gru_saturated
from models.cells.gru.saturated import Memory, gru_rows, through_reset
from models.cells.mut.pointwise import MUT1, MUT3, mut_backward, negate, write_tanh


@kernel
def mut_saturated(option: int, r: Array, z: Array, n: Array, tanh_x: Array, h_before: Array) -> bool:
    """Whether a slope has lost its digits: of a gate, of n, of MUT1's tanh(x) or of MUT3's tanh(h')."""
    if option == MUT1 and beyond_tanh(tanh_x):
        return True
    return (option == MUT3 and beyond_cell(h_before)) or gru_saturated(r, z, n)


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
    a = preactivations(option, WT, h_before, gates[0], hx)
    floats, whole = np.empty((2, H)), np.empty((2, H), np.int64)
    memory = np.empty(B, np.bool_), np.empty(B, np.bool_), floats, whole
    saturated_rows(option, gates, h_before, dh, of_h, back, da, row_exponent, a, memory)
    through_reset(da, row_exponent, W, gates[0], h_before, others[0], back, of_h, a[0], memory)
    if option == MUT1:
        for b in range(B):
            row_exponent[3, b] = squashed_row(da[2, b], row_exponent[2, b], a[3, b], floats[0], whole[0], da[3, b])
    elif option == MUT3:
        write_tanh(h_before, others[1])
        product, through = np.empty_like(back), np.empty(H, da.dtype)
        multiply(da[1], W[1, :, :H], product, False)
        for b in range(B):
            e = squashed_row(product[b], row_exponent[1, b], h_before[b], floats[0], whole[0], through)
            of_h[b] = add_rows(back[b], of_h[b], through, e)
    else:
        send_back(da[1], row_exponent[1], W[1, :, :H], back, of_h)


@kernel
def saturated_rows(
    option: int, gates: Gates, h_before: Array, dh: Array, of_h: Exponents, back: Array,
    da: Array, row_exponent: Exponents, a: Array, memory: Memory,
) -> None:  # fmt: skip
    """da_z, da_n and dh (1 − z); `a` has the preactivations."""
    r, z, n, tanh_x = gates
    saturated, _, _, _ = borrowed(memory)
    for b in range(len(dh)):
        saturated[b] = (option == MUT1 and beyond_tanh(tanh_x[b])) or (option == MUT3 and beyond_cell(h_before[b]))
    flag_gru(saturated, r, z, n)
    gru_rows(dh, of_h, a[1], a[2], n, h_before, da[1], da[2], back, row_exponent[1], row_exponent[2], memory)
    for b in range(len(dh)):
        if saturated[b]:
            negate(da[1, b])
        else:
            mut_backward(dh[b], z[b], n[b], h_before[b], da[1, b], da[2, b], back[b])


@kernel
def preactivations(option: int, WT: Array, h_before: Array, r: Array, hx: Array) -> Array:
    """a_r, −a_z, a_n and MUT1's own x [product, sample, unit], as the forward step made them."""
    B, H = h_before.shape
    a = np.empty((4, B, H), WT.dtype)
    read = hx.copy()
    multiply(read, WT[0], a[0], False)
    if option == MUT3:
        write_tanh(h_before, read)
    if option == MUT1:
        multiply(read[:, H:], WT[1, H:], a[1], False)
    else:
        multiply(read, WT[1], a[1], False)
    read[:, :H] = r * h_before
    if option == MUT1:
        multiply(read[:, H + 1 :], WT[3, H + 1 :], a[3], False)
        multiply(read[:, : H + 1], WT[2, : H + 1], a[2], False)
        a[2] += np.tanh(a[3])
    else:
        multiply(read, WT[2], a[2], False)
    negate(a[1].ravel())
    return a


@kernel
def squashed_row(grad: Array, e: int, a: Array, m: Array, k: Exponents, out: Array) -> int:
    """out = grad tanh'(a). Returns the exponent of out."""
    tanh_slope_row(a, m, k)
    multiply_row(m, grad)
    return narrow(m, k, e, out)

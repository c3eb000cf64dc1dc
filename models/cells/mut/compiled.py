"""The compiled step of MUT1, MUT2 and MUT3: see `models.bptt.compiled.step`.

Products: a_r, a_z, a_n, and in MUT1 the x that n reads as tanh(x). n reads r⊙h' (`others[0]`) instead of h'; MUT3's z
reads tanh(h') (`others[1]`), MUT1's no state.
"""

import numpy as np

from models.bptt.compiled.elementary import apply_sigmoid, apply_tanh
from models.bptt.compiled.jit import Array, Gates, kernel
from models.bptt.compiled.product import multiply
from models.cells.gru.pointwise import gru_reset_before_backward
from models.cells.mut.pointwise import MUT1, MUT3, mut_backward, mut_forward, times_slope, write_tanh
from models.cells.mut.saturated import mut_saturated, saturated_step

__all__ = [
    "backward_step", "count_others", "forward_step", "is_saturated", "reads", "saturated_step", "vector_factor",
]  # fmt: skip


@kernel
def reads(option: int, p: int) -> tuple[int, bool, bool]:
    """The factors of each product, as listed above."""
    if p == 1:
        return (0 if option == MUT1 else 3 if option == MUT3 else 1), True, True
    if p == 2:
        return 2, True, option != MUT1
    return (1, True, True) if p == 0 else (0, False, True)


@kernel
def vector_factor(option: int, row: int) -> tuple[int, int]:
    """A MUT has no unit-by-unit parameters."""
    return 0, 1


@kernel
def count_others(option: int) -> int:
    """r⊙h', and tanh(h') in MUT3."""
    return 2 if option == MUT3 else 1


@kernel
def forward_step(option: int, WT: Array, vectors: Array, hx: Array, states: Gates, gates: Gates) -> None:
    """Compute r, z and n, then h; tanh(x) of MUT1 is kept behind the gates."""
    r, z, n, tanh_x = gates
    h_before, h, _, _ = states
    H = h.shape[1]
    multiply(hx, WT[0], r, False)
    apply_sigmoid(r.ravel())
    if option == MUT1:
        multiply(hx[:, H:], WT[1, H:], z, False)
    else:
        if option == MUT3:
            write_tanh(h_before, hx)
        multiply(hx, WT[1], z, False)
    apply_sigmoid(z.ravel())
    hx[:, :H] = r * h_before
    if option == MUT1:
        multiply(hx[:, : H + 1], WT[2, : H + 1], n, False)
        multiply(hx[:, H + 1 :], WT[3, H + 1 :], tanh_x, False)
        apply_tanh(tanh_x.ravel())
        n += tanh_x
    else:
        multiply(hx, WT[2], n, False)
    apply_tanh(n.ravel())
    mut_forward(z.ravel(), n.ravel(), h_before.ravel(), h.ravel())


@kernel
def is_saturated(
    option: int, states: Gates, gates: Gates, grads: tuple[Array, Array], carried: tuple[Array, Array]
) -> bool:
    """Whether a gate, the candidate, tanh(x) or tanh(h') is saturated."""
    r, z, n, tanh_x = gates
    return mut_saturated(option, r.ravel(), z.ravel(), n.ravel(), tanh_x.ravel(), states[0].ravel())


@kernel
def backward_step(
    option: int,
    W: Array,
    vectors: Array,
    states: Gates,
    gates: Gates,
    grads: tuple[Array, Array],
    carried: tuple[Array, Array],
    da: Array,
    others: Array,
    top: int,
) -> None:
    """da of each product, and the gradient carried to h'."""
    r, z, n, tanh_x = gates
    h_before, dh, back = states[0], grads[0], carried[0]
    B, H = h_before.shape
    rows = slice(top, top + B)
    da_r, da_z, da_n = da[0, rows], da[1, rows], da[2, rows]
    mut_backward(dh.ravel(), z.ravel(), n.ravel(), h_before.ravel(), da_z.ravel(), da_n.ravel(), back.ravel())
    rh = others[0, rows]  # first ∂L/∂(r h'), then r h' itself for the weights' gradient
    multiply(da_n, W[2, :, :H], rh, False)
    gru_reset_before_backward(rh.ravel(), r.ravel(), h_before.ravel(), da_r.ravel(), back.ravel())
    multiply(da_r, W[0, :, :H], back, True)
    if option == MUT1:
        da[3, rows] = da_n
        times_slope(da[3, rows].ravel(), tanh_x.ravel())
    elif option == MUT3:
        tanh_h, through = others[1, rows], np.empty_like(dh)
        write_tanh(h_before, tanh_h)
        multiply(da_z, W[1, :, :H], through, False)
        times_slope(through.ravel(), tanh_h.ravel())
        back += through
    else:
        multiply(da_z, W[1, :, :H], back, True)

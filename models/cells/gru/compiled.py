"""The compiled step of the GRU: see `models.bptt.compiled.step`.

Products: a_r, a_z, then W_in x + b_in and v = W_hn h' + b_hn separately, since r multiplies v alone. With the reset
before the product there is no v: n reads r⊙h' (`others[0]`) instead of h'.
"""

from models.bptt.compiled.elementary import apply_sigmoid, apply_tanh
from models.bptt.compiled.jit import Array, Gates, kernel
from models.bptt.compiled.product import multiply
from models.cells.gru.pointwise import (
    gru_backward,
    gru_forward,
    gru_reset,
    gru_reset_backward,
    gru_reset_before_backward,
    gru_saturated,
)
from models.cells.gru.saturated import RESET_AFTER, saturated_step

__all__ = [
    "backward_step", "count_others", "forward_step", "is_saturated", "reads", "saturated_step", "vector_factor",
]  # fmt: skip


@kernel
def reads(option: int, p: int) -> tuple[int, bool, bool]:
    """The factors of each product, as listed above."""
    if p == 2:
        return (0, True, True) if option == RESET_AFTER else (2, True, True)
    return 1, True, p < 3


@kernel
def vector_factor(option: int, row: int) -> tuple[int, int]:
    """A GRU has no unit-by-unit parameters."""
    return 0, 1


@kernel
def count_others(option: int) -> int:
    """1: r⊙h', which the reset before the product needs."""
    return 0 if option == RESET_AFTER else 1


@kernel
def forward_step(option: int, WT: Array, vectors: Array, hx: Array, states: Gates, gates: Gates) -> None:
    """Compute r, z and n, then h."""
    r, z, n, v = gates
    h_before, h, _, _ = states
    H = h.shape[1]
    multiply(hx, WT[0], r, False)
    multiply(hx, WT[1], z, False)
    apply_sigmoid(r.ravel())
    apply_sigmoid(z.ravel())
    if option == RESET_AFTER:
        multiply(hx[:, : H + 1], WT[3, : H + 1], v, False)
        multiply(hx[:, H:], WT[2, H:], n, False)
        gru_reset(r.ravel(), v.ravel(), n.ravel())
    else:
        hx[:, :H] = r * h_before
        multiply(hx, WT[2], n, False)
        apply_tanh(n.ravel())
    gru_forward(z.ravel(), n.ravel(), h_before.ravel(), h.ravel())


@kernel
def is_saturated(
    option: int, states: Gates, gates: Gates, grads: tuple[Array, Array], carried: tuple[Array, Array]
) -> bool:
    """Whether a gate or the candidate is saturated."""
    return gru_saturated(gates[0].ravel(), gates[1].ravel(), gates[2].ravel())


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
    r, z, n, v = gates
    h_before = states[0]
    dh, back = grads[0], carried[0]
    B, H = h_before.shape
    da_r, da_z, da_n = da[0, top : top + B], da[1, top : top + B], da[2, top : top + B]
    gru_backward(dh.ravel(), z.ravel(), n.ravel(), h_before.ravel(), da_z.ravel(), da_n.ravel(), back.ravel())
    if option == RESET_AFTER:
        dv = da[3, top : top + B]
        gru_reset_backward(da_n.ravel(), r.ravel(), v.ravel(), da_r.ravel(), dv.ravel())
        multiply(dv, W[3, :, :H], back, True)
    else:
        rh = others[0, top : top + B]  # first ∂L/∂(r h'), then r h' itself for the weights' gradient
        multiply(da_n, W[2, :, :H], rh, False)
        gru_reset_before_backward(rh.ravel(), r.ravel(), h_before.ravel(), da_r.ravel(), back.ravel())
    multiply(da_r, W[0, :, :H], back, True)
    multiply(da_z, W[1, :, :H], back, True)

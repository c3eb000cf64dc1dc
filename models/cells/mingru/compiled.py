"""The compiled step of the minGRU: see `models.bptt.compiled.step`. Its products are a_z and n, of x alone."""

import numpy as np

from models.bptt.compiled.borrow import borrowed
from models.bptt.compiled.elementary import apply_sigmoid
from models.bptt.compiled.jit import Array, Exponents, Gates, kernel
from models.bptt.compiled.product import multiply
from models.bptt.compiled.saturated import beyond_sigmoid, flag_sigmoid
from models.cells.gru.saturated import Memory, gru_rows
from models.cells.mut.pointwise import linear_backward, mut_forward, negate


@kernel
def reads(option: int, p: int) -> tuple[int, bool, bool]:
    """Both products read x alone."""
    return 0, True, True


@kernel
def vector_factor(option: int, row: int) -> tuple[int, int]:
    """A minGRU has no unit-by-unit parameters."""
    return 0, 1


@kernel
def count_others(option: int) -> int:
    """0: the weights' gradients need no other factors."""
    return 0


@kernel
def forward_step(option: int, WT: Array, vectors: Array, hx: Array, states: Gates, gates: Gates) -> None:
    """z = σ(W_z [1, x]); n = W_n [1, x]; h = z n + (1 − z) h'."""
    z, n, _, _ = gates
    h_before, h, _, _ = states
    H = h.shape[1]
    multiply(hx[:, H:], WT[0, H:], z, False)
    multiply(hx[:, H:], WT[1, H:], n, False)
    apply_sigmoid(z.ravel())
    mut_forward(z.ravel(), n.ravel(), h_before.ravel(), h.ravel())


@kernel
def is_saturated(
    option: int, states: Gates, gates: Gates, grads: tuple[Array, Array], carried: tuple[Array, Array]
) -> bool:
    """Whether z is saturated."""
    return beyond_sigmoid(gates[0].ravel())


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
    """da of both products, and the gradient carried to h'."""
    B = states[0].shape[0]
    linear_backward(
        grads[0].ravel(), gates[0].ravel(), gates[1].ravel(), states[0].ravel(),
        da[0, top : top + B].ravel(), da[1, top : top + B].ravel(), carried[0].ravel(),
    )  # fmt: skip


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
    """The same with z and its slope from a_z; each row has its own exponent."""
    h_before, H = states[0], states[0].shape[1]
    a_z = np.empty_like(h_before)
    multiply(hx[:, H:], matrices[1][0, H:], a_z, False)
    negate(a_z.ravel())
    B = len(h_before)
    memory = np.empty(B, np.bool_), np.empty(B, np.bool_), np.empty((2, H)), np.empty((2, H), np.int64)
    saturated_rows(gates, h_before, grads[0], exponents[1], carried[0], da, row_exponent, a_z, memory)


@kernel
def saturated_rows(
    gates: Gates, h_before: Array, dh: Array, of_h: Exponents, back: Array, da: Array, row_exponent: Exponents,
    a_z: Array, memory: Memory,
) -> None:  # fmt: skip
    """A minGRU's z keeps where the GRU's lets go, so that its step is the GRU's with σ(−a_z)."""
    z, n, _, _ = gates
    saturated, _, _, _ = borrowed(memory)
    saturated[:] = False
    flag_sigmoid(saturated, z)
    none = a_z[:, :0]
    gru_rows(dh, of_h, a_z, none, n, h_before, da[0], da[1], back, row_exponent[0], row_exponent[1], memory)
    for b in range(len(dh)):
        if saturated[b]:
            negate(da[0, b])
        else:
            linear_backward(dh[b], z[b], n[b], h_before[b], da[0, b], da[1, b], back[b])

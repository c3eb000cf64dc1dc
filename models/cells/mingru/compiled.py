"""The compiled step of the minGRU: see `models.bptt.compiled.step`. Its products are a_z and n, of x alone."""

import numpy as np

from models.bptt.compiled.elementary import apply_sigmoid
from models.bptt.compiled.jit import Array, Exponents, Gates, kernel
from models.bptt.compiled.product import multiply
from models.bptt.compiled.saturated import beyond_sigmoid
from models.bptt.compiled.wide import narrow, sigmoid_slope_wide, sigmoid_wide
from models.cells.mut.pointwise import mut_forward


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
def forward_step(
    option: int, WT: Array, vectors: Array, hx: Array, states: Gates, gates: Gates, zero_one: Array
) -> None:
    """z = σ(W_z [1, x]); n = W_n [1, x]; h = z n + (1 − z) h'."""
    z, n, _, _ = gates
    h_before, h, _, _ = states
    H = h.shape[1]
    multiply(hx[:, H:], WT[0, H:], z, zero_one, False)
    multiply(hx[:, H:], WT[1, H:], n, zero_one, False)
    apply_sigmoid(z.ravel())
    mut_forward(z.ravel(), n.ravel(), h_before.ravel(), h.ravel())


@kernel
def is_saturated(option: int, states: Gates, gates: Gates) -> bool:
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
    zero_one: Array,
) -> None:
    """da of both products, and the gradient carried to h'."""
    B = states[0].shape[0]
    mingru_backward(
        grads[0].ravel(), gates[0].ravel(), gates[1].ravel(), states[0].ravel(),
        da[0, top : top + B].ravel(), da[1, top : top + B].ravel(), carried[0].ravel(),
    )  # fmt: skip


@kernel
def mingru_backward(dh: Array, z: Array, n: Array, h_before: Array, da_z: Array, dn: Array, carried: Array) -> None:
    """da_z = dh (n − h') σ'; dn = dh z; carried ← dh (1 − z)."""
    one = z.dtype.type(1)
    for k in range(z.size):
        da_z[k] = (dh[k] * n[k] - dh[k] * h_before[k]) * (z[k] * (one - z[k]))
    for k in range(z.size):
        dn[k] = dh[k] * z[k]
    for k in range(z.size):
        carried[k] = dh[k] * (one - z[k])


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
    """The same with z and its slope from a_z; each row has its own exponent."""
    _, WT, zero_one = matrices
    h_before, dh, of_h, back = states[0], grads[0], exponents[1], carried[0]
    z, n, _, _ = gates
    B, H = h_before.shape
    a_z = np.empty_like(h_before)
    multiply(hx[:, H:], WT[0, H:], a_z, zero_one, False)
    m, k = np.empty(H), np.empty(H, np.int64)
    for b in range(B):
        if beyond_sigmoid(z[b]):
            row_exponent[0, b], row_exponent[1, b], of_h[b] = mingru_row(
                dh[b], of_h[b], a_z[b], n[b], h_before[b], m, k, da[0, b], da[1, b], back[b]
            )
        else:
            mingru_backward(dh[b], z[b], n[b], h_before[b], da[0, b], da[1, b], back[b])


@kernel
def mingru_row(
    dh: Array, e: int, a_z: Array, n: Array, h_before: Array, m: Array, k: Exponents,
    da_z: Array, dn: Array, carried: Array,
) -> tuple[int, int, int]:  # fmt: skip
    """da_z, dn and carried as above. Returns their exponents."""
    for j in range(dh.size):
        slope, k[j] = sigmoid_slope_wide(a_z[j])
        m[j] = dh[j] * (np.float64(n[j]) - h_before[j]) * slope
    e_z = narrow(m, k, e, da_z)
    for j in range(dh.size):
        z, k[j] = sigmoid_wide(a_z[j])
        m[j] = dh[j] * z
    e_n = narrow(m, k, e, dn)
    for j in range(dh.size):
        kept, k[j] = sigmoid_wide(-a_z[j])
        m[j] = dh[j] * kept
    return e_z, e_n, narrow(m, k, e, carried)

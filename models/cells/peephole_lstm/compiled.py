"""The compiled step of the peephole LSTM: see `models.bptt.compiled.step`.

The rows of `vectors` are p_i, p_f, p_o. What they multiply is kept for their gradient: c' in `others[0]`, c in
`others[1]`.
"""

from models.bptt.compiled.elementary import apply_sigmoid, apply_tanh, tanh
from models.bptt.compiled.jit import Array, Gates, kernel
from models.bptt.compiled.product import multiply
from models.cells.lstm.pointwise import lstm_saturated
from models.cells.peephole_lstm.pointwise import peephole_backward
from models.cells.peephole_lstm.saturated import saturated_step

__all__ = [
    "backward_step", "count_others", "forward_step", "is_saturated", "reads", "saturated_step", "vector_factor",
]  # fmt: skip


@kernel
def reads(option: int, p: int) -> tuple[int, bool, bool]:
    """All gates read h' and x."""
    return 1, True, True


@kernel
def vector_factor(row: int) -> tuple[int, int]:
    """p_i and p_f multiply c', p_o multiplies c."""
    return (3, 3) if row == 2 else (row, 2)


@kernel
def count_others() -> int:
    """2: c' and c."""
    return 2


@kernel
def forward_step(
    option: int, WT: Array, vectors: Array, hx: Array, states: Gates, gates: Gates, zero_one: Array
) -> None:
    """Compute i, f, g from W [h', 1, x] and c', then c, then o from c, then h."""
    i, f, g, o = gates
    _, h, c_before, c = states
    multiply(hx, WT[0], i, zero_one, False)
    multiply(hx, WT[1], f, zero_one, False)
    multiply(hx, WT[2], g, zero_one, False)
    multiply(hx, WT[3], o, zero_one, False)
    add_peephole(i, vectors[0], c_before)
    add_peephole(f, vectors[1], c_before)
    apply_sigmoid(i.ravel())
    apply_sigmoid(f.ravel())
    apply_tanh(g.ravel())
    for b in range(c.shape[0]):
        for k in range(c.shape[1]):
            c[b, k] = f[b, k] * c_before[b, k] + i[b, k] * g[b, k]
    add_peephole(o, vectors[2], c)
    apply_sigmoid(o.ravel())
    for b in range(c.shape[0]):
        for k in range(c.shape[1]):
            h[b, k] = o[b, k] * tanh(c[b, k])


@kernel
def add_peephole(a: Array, p: Array, c: Array) -> None:
    """a ← a + p⊙c."""
    for b in range(a.shape[0]):
        for k in range(a.shape[1]):
            a[b, k] += p[k] * c[b, k]


@kernel
def is_saturated(option: int, states: Gates, gates: Gates) -> bool:
    """Whether a gate, the candidate or tanh(c) is saturated."""
    i, f, g, o = gates
    return lstm_saturated(i.ravel(), f.ravel(), g.ravel(), o.ravel(), states[3].ravel())


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
    """dL/dc and da of each gate, and the gradients carried to h' and c'."""
    i, f, g, o = gates
    _, _, c_before, c = states
    dh, dc = grads
    B, H = c.shape
    for b in range(B):
        da_i, da_f, da_g, da_o = da[0, top + b], da[1, top + b], da[2, top + b], da[3, top + b]
        peephole_backward(
            dh[b], carried[1][b], i[b], f[b], g[b], o[b], c_before[b], c[b], vectors, dc[b], da_i, da_f, da_g, da_o
        )
    for p in range(4):
        multiply(da[p, top : top + B], W[p, :, :H], carried[0], zero_one, p > 0)
    others[0, top : top + B] = c_before
    others[1, top : top + B] = c

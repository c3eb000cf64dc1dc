"""The compiled step of the LSTM, with or without peepholes, or without forget gate: see `models.bptt.compiled.step`.

The rows of `vectors` are the peepholes p_i, p_f, p_o. What they multiply is kept for their gradient: c' in `others[0]`,
c in `others[1]`.
"""

from models.bptt.compiled.elementary import apply_sigmoid, apply_tanh
from models.bptt.compiled.jit import Array, Gates, kernel
from models.bptt.compiled.product import multiply
from models.cells.lstm.pointwise import (
    PEEPHOLE,
    WITHOUT_FORGET,
    add_peephole,
    cell_is_large,
    cell_parts,
    in_order,
    lstm_backward_cell,
    lstm_backward_gates,
    lstm_cell,
    lstm_hidden,
    lstm_saturated,
)
from models.cells.lstm.saturated import saturated_step

__all__ = [
    "backward_step", "count_others", "forward_step", "is_saturated", "reads", "saturated_step", "vector_factor",
]  # fmt: skip


@kernel
def reads(option: int, p: int) -> tuple[int, bool, bool]:
    """All gates read h' and x; an f = 1 reads nothing."""
    return (0, False, False) if option == WITHOUT_FORGET and p == 1 else (1, True, True)


@kernel
def vector_factor(option: int, row: int) -> tuple[int, int]:
    """p_i and p_f multiply c', p_o multiplies c."""
    return (3, 3) if row == 2 else (row, 2)


@kernel
def count_others(option: int) -> int:
    """2 for the peepholes: c' and c."""
    return 2 if option == PEEPHOLE else 0


@kernel
def forward_step(option: int, WT: Array, vectors: Array, hx: Array, states: Gates, gates: Gates) -> None:
    """Compute i, f, g from W [h', 1, x] and c', then c, then o from c, then h."""
    i, f, g, o = in_order(option, gates)
    _, h, c_before, c = states
    multiply(hx, WT[0], i, False)
    if option != WITHOUT_FORGET:
        multiply(hx, WT[1], f, False)
    multiply(hx, WT[2], g, False)
    multiply(hx, WT[3], o, False)
    if option == PEEPHOLE:
        add_peephole(i, vectors[0], c_before)
        add_peephole(f, vectors[1], c_before)
    apply_sigmoid(i.ravel())
    if option == WITHOUT_FORGET:
        f[:] = 1
    else:
        apply_sigmoid(f.ravel())
    apply_tanh(g.ravel())
    lstm_cell(i.ravel(), f.ravel(), g.ravel(), c_before.ravel(), c.ravel())
    if option == PEEPHOLE:
        add_peephole(o, vectors[2], c)
    apply_sigmoid(o.ravel())
    lstm_hidden(o.ravel(), c.ravel(), h.ravel())


@kernel
def is_saturated(
    option: int, states: Gates, gates: Gates, grads: tuple[Array, Array], carried: tuple[Array, Array]
) -> bool:
    """Whether a gate, the candidate or tanh(c) is saturated."""
    i, f, g, o = in_order(option, gates)
    c = states[3]
    if lstm_saturated(option, i.ravel(), f.ravel(), g.ravel(), o.ravel()):
        return True
    if cell_is_large(c.ravel()):
        for b in range(len(c)):
            if cell_parts(c[b], grads[0][b], carried[1][b]):
                return True
    return False


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
    """dL/dc = carried + dh o tanh'(c) + p_o da_o; da of each gate; carried to c': f dL/dc + p_i da_i + p_f da_f."""
    i, f, g, o = in_order(option, gates)
    _, _, c_before, c = states
    dh, dc = grads
    back, back_c = carried
    B, H = c.shape
    da_i, da_f, da_g, da_o = da[0, top : top + B], da[1, top : top + B], da[2, top : top + B], da[3, top : top + B]
    lstm_backward_cell(dh.ravel(), back_c.ravel(), o.ravel(), c.ravel(), dc.ravel(), da_o.ravel())
    if option == PEEPHOLE:
        add_peephole(dc, vectors[2], da_o)
    lstm_backward_gates(
        dc.ravel(), i.ravel(), f.ravel(), g.ravel(), c_before.ravel(),
        da_i.ravel(), da_f.ravel(), da_g.ravel(), back_c.ravel(),
    )  # fmt: skip
    if option == PEEPHOLE:
        add_peephole(back_c, vectors[0], da_i)
        add_peephole(back_c, vectors[1], da_f)
        others[0, top : top + B] = c_before
        others[1, top : top + B] = c
    for p in range(4):
        if option != WITHOUT_FORGET or p != 1:
            multiply(da[p, top : top + B], W[p, :, :H], back, p > 0)

"""The compiled step of the LSTM: see `models.bptt.compiled.step`."""

from models.bptt.compiled.jit import Array, Gates, kernel
from models.bptt.compiled.product import multiply
from models.cells.lstm.pointwise import lstm_backward, lstm_forward, lstm_saturated
from models.cells.lstm.saturated import saturated_step

__all__ = [
    "backward_step", "count_others", "forward_step", "is_saturated", "reads", "saturated_step", "vector_factor",
]  # fmt: skip


@kernel
def reads(option: int, p: int) -> tuple[int, bool, bool]:
    """All gates read h' and x."""
    return 1, True, True


@kernel
def vector_factor(row: int) -> tuple[int, int]:
    """An LSTM has no unit-by-unit parameters."""
    return 0, 1


@kernel
def count_others() -> int:
    """0: the weights' gradients need no other factors."""
    return 0


@kernel
def forward_step(
    option: int, WT: Array, vectors: Array, hx: Array, states: Gates, gates: Gates, zero_one: Array
) -> None:
    """Compute i, f, g, o from W [h', 1, x], then c and h."""
    i, f, g, o = gates
    multiply(hx, WT[0], i, zero_one, False)
    multiply(hx, WT[1], f, zero_one, False)
    multiply(hx, WT[2], g, zero_one, False)
    multiply(hx, WT[3], o, zero_one, False)
    _, h, c_before, c = states
    lstm_forward(i.ravel(), f.ravel(), g.ravel(), o.ravel(), c_before.ravel(), c.ravel(), h.ravel())


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
    da_i, da_f, da_g, da_o = da[0, top : top + B], da[1, top : top + B], da[2, top : top + B], da[3, top : top + B]
    lstm_backward(
        dh.ravel(), carried[1].ravel(), i.ravel(), f.ravel(), g.ravel(), o.ravel(), c_before.ravel(), c.ravel(),
        dc.ravel(), da_i.ravel(), da_f.ravel(), da_g.ravel(), da_o.ravel(),
    )  # fmt: skip
    for p in range(4):
        multiply(da[p, top : top + B], W[p, :, :H], carried[0], zero_one, p > 0)

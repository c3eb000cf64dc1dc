"""An LSTM's step between its matrix products, and its transpose, on flat [batch · hidden] memory.

In the forward step the gates arrive as preactivations. In the backward step `da` is dL/d(preactivation), `dh` the total
dL/dh_t. Each line is its own loop: with few arrays in a loop the compiler sees that they do not overlap.
"""

from models.bptt.compiled.elementary import apply_sigmoid, apply_tanh, tanh
from models.bptt.compiled.jit import Array, kernel
from models.bptt.compiled.saturated import beyond_cell, beyond_sigmoid, beyond_tanh


@kernel
def lstm_forward(i: Array, f: Array, g: Array, o: Array, c_before: Array, c: Array, h: Array) -> None:
    """c = f c' + i g; h = o tanh(c)."""
    apply_sigmoid(i)
    apply_sigmoid(f)
    apply_tanh(g)
    apply_sigmoid(o)
    for k in range(c.size):
        c[k] = f[k] * c_before[k] + i[k] * g[k]
    for k in range(h.size):
        h[k] = o[k] * tanh(c[k])


@kernel
def lstm_backward(
    dh: Array, carried_c: Array, i: Array, f: Array, g: Array, o: Array, c_before: Array, c: Array,
    dc: Array, da_i: Array, da_f: Array, da_g: Array, da_o: Array,
) -> None:  # fmt: skip
    """dc = carried + dh o tanh'(c); da of each gate; carried ← f dc."""
    one = c.dtype.type(1)
    for k in range(c.size):
        y = tanh(c[k])
        da_o[k] = dh[k] * y * (o[k] * (one - o[k]))
        dc[k] = carried_c[k] + dh[k] * o[k] * (one - y * y)
    for k in range(c.size):
        da_i[k] = dc[k] * g[k] * (i[k] * (one - i[k]))
    for k in range(c.size):
        da_f[k] = dc[k] * c_before[k] * (f[k] * (one - f[k]))
    for k in range(c.size):
        da_g[k] = dc[k] * i[k] * (one - g[k] * g[k])
    for k in range(c.size):
        carried_c[k] = dc[k] * f[k]


@kernel
def lstm_saturated(i: Array, f: Array, g: Array, o: Array, c: Array) -> bool:
    """Whether a gate, the candidate or tanh(c) has a slope that has lost its digits."""
    return beyond_sigmoid(i) + beyond_sigmoid(f) + beyond_sigmoid(o) + beyond_tanh(g) + beyond_cell(c) > 0

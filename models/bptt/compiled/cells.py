"""What a step of each cell does between its matrix products, and its transpose, on flat [batch · hidden] memory.

In the forward step the gates arrive as preactivations. In the backward step `da` is dL/d(preactivation), `dh` the total
dL/dh_t. A line is a loop of its own: few arrays in one let the compiler see that none overlaps another.
"""

from models.bptt.compiled.elementary import apply_sigmoid, apply_tanh, tanh
from models.bptt.compiled.jit import Array, kernel

ELMAN, LSTM, GRU, GRU_RESET_BEFORE = 0, 1, 2, 3
TANH, RELU, IDENTITY = 0, 1, 2


@kernel
def elman_forward(h: Array, nonlinearity: int) -> None:
    """h ← φ(h)."""
    zero = h.dtype.type(0)
    if nonlinearity == TANH:
        apply_tanh(h)
    elif nonlinearity == RELU:
        for k in range(h.size):
            h[k] = zero if h[k] < zero else h[k]


@kernel
def elman_backward(dh: Array, h: Array, nonlinearity: int, da: Array) -> None:
    """da = dh φ'(a)."""
    zero, one = h.dtype.type(0), h.dtype.type(1)
    if nonlinearity == TANH:
        for k in range(h.size):
            da[k] = dh[k] * (one - h[k] * h[k])
    elif nonlinearity == RELU:
        for k in range(h.size):
            da[k] = zero if h[k] <= zero else dh[k]
    else:
        for k in range(h.size):
            da[k] = dh[k]


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
def gru_forward(z: Array, n: Array, h_before: Array, h: Array) -> None:
    """h = (1 - z) n + z h', from the gates themselves."""
    one = h.dtype.type(1)
    for k in range(h.size):
        h[k] = (one - z[k]) * n[k] + z[k] * h_before[k]


@kernel
def gru_reset(r: Array, v: Array, n: Array) -> None:
    """n ← tanh(n + r v), v = W_hn h' + b_hn: the reset comes after the product."""
    for k in range(n.size):
        n[k] = tanh(n[k] + r[k] * v[k])


@kernel
def gru_backward(
    dh: Array, z: Array, n: Array, h_before: Array, da_z: Array, da_n: Array, carried: Array
) -> None:  # fmt: skip
    """da_z = dh (h' - n) σ'; da_n = dh (1 - z) tanh'; carried ← dh z."""
    one = z.dtype.type(1)
    for k in range(z.size):
        da_z[k] = (dh[k] * h_before[k] - dh[k] * n[k]) * (z[k] * (one - z[k]))
    for k in range(z.size):
        da_n[k] = dh[k] * (one - z[k]) * (one - n[k] * n[k])
    for k in range(z.size):
        carried[k] = dh[k] * z[k]


@kernel
def gru_reset_backward(da_n: Array, r: Array, v: Array, da_r: Array, dv: Array) -> None:
    """dv = da_n r; da_r = da_n v σ'."""
    one = r.dtype.type(1)
    for k in range(r.size):
        da_r[k] = da_n[k] * v[k] * (r[k] * (one - r[k]))
    for k in range(r.size):
        dv[k] = da_n[k] * r[k]


@kernel
def gru_reset_before_backward(d_rh: Array, r: Array, h_before: Array, da_r: Array, carried: Array) -> None:
    """da_r = d(r h') h' σ'; carried ← carried + d(r h') r; d_rh ← r h', which the weights' gradient needs next."""
    one = r.dtype.type(1)
    for k in range(r.size):
        da_r[k] = d_rh[k] * h_before[k] * (r[k] * (one - r[k]))
    for k in range(r.size):
        carried[k] += d_rh[k] * r[k]
    for k in range(r.size):
        d_rh[k] = r[k] * h_before[k]

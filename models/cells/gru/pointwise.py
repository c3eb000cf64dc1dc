"""A GRU's step between its matrix products, and its transpose, on flat [batch · hidden] memory."""

from models.bptt.compiled.elementary import tanh
from models.bptt.compiled.jit import Array, Flags, kernel
from models.bptt.compiled.saturated import beyond_sigmoid, beyond_tanh, flag_sigmoid, flag_tanh


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
    """da_r = d(r h') h' σ'; carried ← carried + d(r h') r; d_rh ← r h', for the weights' gradient."""
    one = r.dtype.type(1)
    for k in range(r.size):
        da_r[k] = d_rh[k] * h_before[k] * (r[k] * (one - r[k]))
    for k in range(r.size):
        carried[k] += d_rh[k] * r[k]
    for k in range(r.size):
        d_rh[k] = r[k] * h_before[k]


@kernel
def gru_saturated(r: Array, z: Array, n: Array) -> bool:
    """Whether a gate or the candidate has a slope that has lost its digits."""
    return beyond_sigmoid(r) or beyond_sigmoid(z) or beyond_tanh(n)


@kernel
def flag_gru(rows: Flags, r: Array, z: Array, n: Array) -> None:
    """Flag the rows of which this is so."""
    flag_sigmoid(rows, r)
    flag_sigmoid(rows, z)
    flag_tanh(rows, n)

"""A MUT's step between its matrix products, and its transpose, on flat [batch · hidden] memory."""

from models.bptt.compiled.elementary import tanh
from models.bptt.compiled.jit import Array, kernel

MUT1, MUT2, MUT3 = 1, 2, 3
"""`Packing.option`."""


@kernel
def mut_forward(z: Array, n: Array, h_before: Array, h: Array) -> None:
    """h = z n + (1 − z) h', from the gate itself."""
    one = h.dtype.type(1)
    for k in range(h.size):
        h[k] = z[k] * n[k] + (one - z[k]) * h_before[k]


@kernel
def mut_backward(dh: Array, z: Array, n: Array, h_before: Array, da_z: Array, da_n: Array, carried: Array) -> None:
    """da_z = dh (n − h') σ'; da_n = dh z tanh'; carried ← dh (1 − z)."""
    linear_backward(dh, z, n, h_before, da_z, da_n, carried)
    times_slope(da_n, n)


@kernel
def linear_backward(dh: Array, z: Array, n: Array, h_before: Array, da_z: Array, dn: Array, carried: Array) -> None:
    """The same without tanh: da_z = dh (n − h') σ'; dn = dh z; carried ← dh (1 − z)."""
    one = z.dtype.type(1)
    for k in range(z.size):
        da_z[k] = (dh[k] * n[k] - dh[k] * h_before[k]) * (z[k] * (one - z[k]))
    for k in range(z.size):
        dn[k] = dh[k] * z[k]
    for k in range(z.size):
        carried[k] = dh[k] * (one - z[k])


@kernel
def negate(x: Array) -> None:
    """x ← −x."""
    for k in range(x.size):
        x[k] = -x[k]


@kernel
def write_tanh(a: Array, out: Array) -> None:
    """out ← tanh(a), for rows of units."""
    for b in range(a.shape[0]):
        for k in range(a.shape[1]):
            out[b, k] = tanh(a[b, k])


@kernel
def times_slope(grad: Array, value: Array) -> None:
    """grad ← grad tanh', from the value of tanh."""
    one = value.dtype.type(1)
    for k in range(grad.size):
        grad[k] *= one - value[k] * value[k]

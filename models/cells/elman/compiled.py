"""The compiled step of the Elman RNN and of the IndRNN: see `models.bptt.compiled.step`.

The Elman RNN's h' goes through a matrix, the IndRNN's through the vector u, the one row of `vectors`. `gates[0]` keeps
the slopes of tanh or σ.
"""

import numpy as np

from models.bptt.compiled.adjoint import SMALLEST_32, SMALLEST_64
from models.bptt.compiled.borrow import borrowed
from models.bptt.compiled.elementary import bits_of
from models.bptt.compiled.jit import Array, Exponents, Gates, kernel
from models.bptt.compiled.product import multiply
from models.bptt.compiled.saturated import send_back
from models.bptt.compiled.slopes import sigmoid_and_slope, tanh_and_slope
from models.bptt.compiled.wide import exp_row, multiply_row, narrow, slope_row, tanh_slope_row

TANH, RELU, IDENTITY, SIGMOID = 0, 1, 2, 3
FLATTEST_32, FLATTEST_64 = 2.0**-50, 2.0**-500
"""A smaller slope may bring a row near the dtype's smallest numbers in one step."""
INDEPENDENT = 4
"""Added to the number of φ for the IndRNN."""


@kernel
def reads(option: int, p: int) -> tuple[int, bool, bool]:
    """The one product reads h' and x, the IndRNN's x alone."""
    return int(option < INDEPENDENT), True, True


@kernel
def vector_factor(option: int, row: int) -> tuple[int, int]:
    """u multiplies h'."""
    return 0, 1


@kernel
def count_others(option: int) -> int:
    """0: the weights' gradients need no other factors."""
    return 0


@kernel
def elman_forward(h: Array, nonlinearity: int, slope: Array) -> None:
    """h ← φ(h), and `slope` ← φ'(h), which h itself would have lost where it is rounded to 1."""
    zero = h.dtype.type(0)
    if nonlinearity == TANH:
        for k in range(h.size):
            h[k], slope[k] = tanh_and_slope(h[k])
    elif nonlinearity == SIGMOID:
        for k in range(h.size):
            h[k], slope[k] = sigmoid_and_slope(h[k])
    elif nonlinearity == RELU:
        for k in range(h.size):
            h[k] = zero if h[k] < zero else h[k]


@kernel
def elman_backward(dh: Array, h: Array, nonlinearity: int, slope: Array, da: Array) -> None:
    """da = dh φ'(a); what would be subnormal is zero."""
    zero = h.dtype.type(0)
    smallest = h.dtype.type(SMALLEST_32 if h.itemsize == 4 else SMALLEST_64)
    if has_slope(nonlinearity):
        for k in range(h.size):
            value = dh[k] * slope[k]
            da[k] = zero if abs(value) < smallest else value
    elif nonlinearity == RELU:
        for k in range(h.size):
            da[k] = zero if h[k] <= zero else dh[k]
    else:
        for k in range(h.size):
            da[k] = dh[k]


@kernel
def forward_step(option: int, WT: Array, vectors: Array, hx: Array, states: Gates, gates: Gates) -> None:
    """h = φ(W [h', 1, x]) or φ(W [1, x] + u⊙h')."""
    preactivation(option, WT, vectors, hx, states[1])
    elman_forward(states[1].ravel(), option % INDEPENDENT, gates[0].ravel())


@kernel
def preactivation(option: int, WT: Array, vectors: Array, hx: Array, a: Array) -> None:
    """a = W [h', 1, x] or W [1, x] + u⊙h'."""
    if option < INDEPENDENT:
        multiply(hx, WT[0], a, False)
        return
    B, H = a.shape
    multiply(hx[:, H:], WT[0, H:], a, False)
    for b in range(B):
        for k in range(H):
            a[b, k] += vectors[0, k] * hx[b, k]


@kernel
def is_saturated(
    option: int, states: Gates, gates: Gates, grads: tuple[Array, Array], carried: tuple[Array, Array]
) -> bool:
    """Whether some slope is so small that a row needs an exponent of its own after it."""
    return has_slope(option % INDEPENDENT) and is_flat(gates[0].ravel())


@kernel
def has_slope(nonlinearity: int) -> bool:
    """Whether φ' is kept: relu and the identity need none."""
    return nonlinearity in (TANH, SIGMOID)


@kernel
def is_flat(slope: Array) -> bool:
    """Whether some slope is very small."""
    number = slope.dtype.type
    bottom = bits_of(number(1))
    for k in range(slope.size):
        bottom = min(bottom, bits_of(slope[k]))
    return bottom < bits_of(number(FLATTEST_32 if slope.itemsize == 4 else FLATTEST_64))


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
    """da = dh φ'(a); carried = W_hhᵀ da or u⊙da."""
    h, dh = states[1], grads[0]
    B, H = h.shape
    da_h = da[0, top : top + B]
    elman_backward(dh.ravel(), h.ravel(), option % INDEPENDENT, gates[0].ravel(), da_h.ravel())
    if option < INDEPENDENT:
        multiply(da_h, W[0, :, :H], carried[0], False)
    else:
        times_vector(da_h, vectors[0], carried[0])


@kernel
def times_vector(da: Array, u: Array, out: Array) -> None:
    """out = u⊙da."""
    for b in range(da.shape[0]):
        for k in range(da.shape[1]):
            out[b, k] = u[k] * da[b, k]


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
    """The same with φ' from the preactivation; each row has its own exponent."""
    W, WT = matrices
    h, dh, of_h = states[1], grads[0], exponents[1]
    H = h.shape[1]
    nonlinearity, a = option % INDEPENDENT, np.empty_like(h)
    preactivation(option, WT, vectors, hx, a)
    memory = a, np.empty(H), np.empty(H, np.int64)
    saturated_rows(nonlinearity, h, gates[0], dh, of_h, da[0], row_exponent[0], memory)
    of_h[:] = row_exponent[0]
    if option < INDEPENDENT:
        carried[0][:] = 0
        send_back(da[0], row_exponent[0], W[0, :, :H], carried[0], of_h)
    else:
        times_vector(da[0], vectors[0], carried[0])


@kernel
def saturated_rows(
    nonlinearity: int, h: Array, slope: Array, dh: Array, of_h: Exponents, da: Array, row_exponent: Exponents,
    memory: tuple[Array, Array, Exponents],
) -> None:  # fmt: skip
    """da, row by row; `memory` has the preactivations and what a row works in."""
    a, m, k = borrowed(memory)
    for b in range(len(dh)):
        if is_flat(slope[b]):
            row_exponent[b] = elman_row(nonlinearity, dh[b], of_h[b], a[b], m, k, da[b])
        else:
            elman_backward(dh[b], h[b], nonlinearity, slope[b], da[b])


@kernel
def elman_row(nonlinearity: int, dh: Array, e: int, a: Array, m: Array, k: Exponents, da: Array) -> int:
    """da = dh φ'(a). Returns the exponent of da."""
    if nonlinearity == TANH:
        tanh_slope_row(a, m, k)
    else:
        exp_row(a, 1.0, m, k)
        slope_row(1.0, m, k)
    multiply_row(m, dh)
    return narrow(m, k, e, da)

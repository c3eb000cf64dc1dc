"""The sum of da [h', 1, x]ᵀ over time, the weights' gradient: rows of any size brought to one power of two."""

import math

from models.bptt.compiled.adjoint import NEVER, largest, scale, sum_of_squares
from models.bptt.compiled.cells import GRU, GRU_RESET_BEFORE
from models.bptt.compiled.jit import Array, Exponents, kernel
from models.bptt.compiled.product import add_transposed

FAR_32, FAR_64 = 60, 1022
"""A row so many bits below the largest cannot change the last bit of a sum with it; float64 holds all that is above."""


@kernel
def write_columns(a: Array, out: Array, start: int) -> None:
    """a into the columns of out from `start` on."""
    for b in range(a.shape[0]):
        for k in range(a.shape[1]):
            out[b, start + k] = a[b, k]


@kernel
def add_weight_gradients(
    cell: int, da: Array, exponent: Exponents, hx: Array, rh: Array, dW: Array, common: int, zero_one: Array
) -> int:
    """dW ← dW + da [h', 1, x]ᵀ over some steps; the exponent that dW is relative to."""
    P, H, columns = dW.shape
    new = common_exponent(da, exponent, common)
    if new != common and common != NEVER:
        for p in range(P):
            for row in range(H):
                scale(dW[p, row], common - new)
    for p in range(P):
        if not weigh(da[p], exponent[p], new):
            continue
        # A GRU's n sees x and one bias, its v sees h' and the other; without a v, n sees r h' for h'.
        from_column = H if p == 2 and cell >= GRU else 0
        to_column = H + 1 if p == 3 and cell == GRU else columns
        wanted = slice(from_column, to_column)
        add_transposed(da[p], hx[:, wanted], dW[p, :, wanted], zero_one)
        if cell == GRU_RESET_BEFORE and p == 2:
            add_transposed(da[p], rh, dW[p, :, :H], zero_one)
    return new


@kernel
def common_exponent(da: Array, exponent: Exponents, common: int) -> int:
    """The largest exponent so far of a row that is not zero."""
    for p in range(exponent.shape[0]):
        for k in range(exponent.shape[1]):
            if exponent[p, k] > common and largest(da[p, k]) != 0:
                common = exponent[p, k]
    return common


@kernel
def weigh(da: Array, exponent: Exponents, common: int) -> bool:
    """Bring one gate's rows to the common exponent; whether there is one that the sum can feel.

    The others become exact zeros: a product with what they would be, subnormal, takes up to ten times as long.
    """
    far = FAR_32 if da.itemsize == 4 else FAR_64
    felt = False
    for k in range(exponent.size):
        power = exponent[k] - common
        if power < -far and math.isfinite(sum_of_squares(da[k])):
            for j in range(da.shape[1]):
                da[k, j] = 0
            continue
        felt = True
        if power != 0:
            scale(da[k], power)
    return felt

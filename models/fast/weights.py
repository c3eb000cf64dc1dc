"""The sum of da [h', 1, x]ᵀ over time, the weights' gradient: rows of any size brought to one power of two."""

from models.fast.adjoint import NEVER, largest, scale
from models.fast.jit import Array, Exponents, kernel
from models.fast.product import add_transposed
from models.fast.saturated_step import GRU, GRU_RESET_BEFORE

FAR_32, FAR_64 = 60, 200
"""A row so many bits below the largest cannot change the last bit of a sum with it."""


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
    H = dW.shape[1]
    common = weigh(da, exponent, dW, common)
    for p in range(dW.shape[0]):
        # A GRU's n sees x and one bias, its v sees h' and the other; without a v, n sees r h' for h'.
        from_column = H if p == 2 and cell >= GRU else 0
        to_column = H + 1 if p == 3 and cell == GRU else dW.shape[2]
        columns = slice(from_column, to_column)
        add_transposed(da[p], hx[:, columns], dW[p, :, columns], zero_one)
        if cell == GRU_RESET_BEFORE and p == 2:
            add_transposed(da[p], rh, dW[p, :, :H], zero_one)
    return common


@kernel
def weigh(da: Array, exponent: Exponents, dW: Array, common: int) -> int:
    """Bring da's rows and dW to one exponent, the largest so far, which is returned."""
    if common == 0 and not exponent.any():
        return common
    P, rows = exponent.shape
    new = common
    for p in range(P):
        for k in range(rows):
            if exponent[p, k] > new and largest(da[p, k]) != 0:
                new = exponent[p, k]
    if new == NEVER:
        return new
    if new != common:
        for p in range(P):
            for row in range(dW.shape[1]):
                scale(dW[p, row], common - new)
    far = FAR_32 if da.itemsize == 4 else FAR_64
    for p in range(P):
        for k in range(rows):
            if exponent[p, k] != new:
                if exponent[p, k] < new - far:
                    da[p, k] = 0
                else:
                    scale(da[p, k], exponent[p, k] - new)
    return new

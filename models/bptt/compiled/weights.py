"""The sum of da [h', 1, x]ᵀ over time, the weights' gradient: rows of any size brought to one power of two.

It is kept transposed, [h', 1, x] daᵀ: then the vectors of the product are the units' rows of da, which lie in the cache
as the processor reads them, while [h', 1, x] is a few columns wider than a vector."""

import math

from models.bptt.compiled.adjoint import NEVER, largest, scale, sum_of_squares
from models.bptt.compiled.jit import Array, Exponents, kernel
from models.bptt.compiled.product import multiply

FAR_32, FAR_64 = 60, 1022
"""Bits: a row that lies further below the largest one cannot change the last bit of their sum."""


@kernel
def columns_read(reads: tuple[int, bool, bool], hidden: int, columns: int) -> tuple[int, int, int]:
    """The first and last column of [h', 1, x] that a product reads, and which of `others` it reads for h'.

    −1 where it sees h' itself, or no state.
    """
    state, bias, inputs = reads
    first = 0 if state == 1 else hidden if bias else hidden + 1
    return first, columns if inputs else hidden + 1 if bias else hidden, state - 2 if state >= 2 else -1


@kernel
def add_weight_gradients(
    columns: Exponents,
    factors: Exponents,
    da: Array,
    exponent: Exponents,
    hx: Array,
    others: Array,
    count: int,
    dWT: Array,
    dv: Array,
    common: int,
) -> int:
    """dWᵀ ← dWᵀ + [h', 1, x] daᵀ over the first `count` rows, and dv likewise. Returns the exponent of both.

    `columns` [product] is what `columns_read` gives, `factors` [row of dv] what `vector_factor` does.
    """
    P, C, H = dWT.shape
    new = common_exponent(da, exponent, count, common)
    if new != common and common != NEVER:
        for p in range(P):
            for row in range(C):
                scale(dWT[p, row], common - new)
        for row in range(dv.shape[0]):
            scale(dv[row], common - new)
    for p in range(P):
        if not weigh(da[p], exponent[p], count, new):
            continue
        wanted = slice(columns[p, 0], columns[p, 1])
        multiply(hx[:count, wanted].T, da[p, :count], dWT[p, wanted], True)
        if columns[p, 2] >= 0:
            multiply(others[columns[p, 2], :count].T, da[p, :count], dWT[p, :H], True)
    for row in range(dv.shape[0]):
        p, factor = factors[row]
        add_products(da[p, :count], hx if factor == 1 else others[factor - 2], dv[row])
    return new


@kernel
def add_products(da: Array, factor: Array, out: Array) -> None:
    """out ← out + Σ da⊙factor over the rows."""
    for k in range(da.shape[0]):
        for j in range(out.size):
            out[j] += da[k, j] * factor[k, j]


@kernel
def common_exponent(da: Array, exponent: Exponents, count: int, common: int) -> int:
    """The largest exponent of all nonzero rows so far, `count` of them new."""
    for p in range(exponent.shape[0]):
        for k in range(count):
            if exponent[p, k] > common and largest(da[p, k]) != 0:
                common = exponent[p, k]
    return common


@kernel
def weigh(da: Array, exponent: Exponents, count: int, common: int) -> bool:
    """Bring one gate's first rows to the common exponent. Returns whether any row is large enough to change the sum.

    Rows too small for that become exact zeros: as subnormal numbers they would make a product up to ten times slower.
    """
    far = FAR_32 if da.itemsize == 4 else FAR_64
    felt = False
    for k in range(count):
        power = exponent[k] - common
        if power < -far and math.isfinite(sum_of_squares(da[k])):
            for j in range(da.shape[1]):
                da[k, j] = 0
            continue
        felt = True
        if power != 0:
            scale(da[k], power)
    return felt

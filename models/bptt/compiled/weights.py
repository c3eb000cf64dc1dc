"""The sum of da [h', 1, x]ᵀ over time, the weights' gradient: rows of any size brought to one power of two.

It is kept transposed, [h', 1, x] daᵀ: then the vectors of the product are the units' rows of da, which lie in the cache
as the processor reads them, while [h', 1, x] is a few columns wider than a vector.

The columns of h', 1 and x, and dv, have an exponent each. A row of da that is far above all others counts only where
its factor is not zero, and h' is zero in the first step.
"""

import math

import numpy as np

from models.bptt.compiled.adjoint import NEVER, largest, magnitude, scale
from models.bptt.compiled.jit import Array, Exponents, kernel
from models.bptt.compiled.product import multiply

STATE, BIAS, INPUTS, VECTORS = 0, 1, 2, 3
"""The blocks: columns of dW, and dv."""
DIFFERENT = 2**62
"""In place of one exponent."""
FAR_32, FAR_64 = 60, 1022
"""Bits: what lies further below a sum cannot change its last bit."""


@kernel
def columns_read(reads: tuple[int, bool, bool], hidden: int, columns: int) -> tuple[int, int, int]:
    """The first and last column of [h', 1, x] that a product reads, and which of `others` it reads for h'.

    −1 where it sees h' itself, or no state.
    """
    state, bias, inputs = reads
    first = 0 if state == 1 else hidden if bias else hidden + 1
    return first, columns if inputs else hidden + 1 if bias else hidden, state - 2 if state >= 2 else -1


@kernel
def columns_of(block: int, columns: Exponents, hidden: int) -> tuple[int, int]:
    """The first and last column of a block, of those that a product reads; the same number where it reads none."""
    first, last, other = columns
    if block == STATE:
        return 0, hidden if first == 0 or other >= 0 else 0
    if block == BIAS:
        return hidden, hidden + 1 if first <= hidden < last else hidden
    return hidden + 1, max(last, hidden + 1)


@kernel
def factor_of(block: int, columns: Exponents, hx: Array, others: Array, hidden: int) -> Array:
    """What da is multiplied by in a block, row by row."""
    if block == STATE and columns[2] >= 0:
        return others[columns[2], :, 0:hidden]
    first, last = columns_of(block, columns, hidden)
    return hx[:, first:last]


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
    common: Exponents,
) -> None:
    """dWᵀ ← dWᵀ + [h', 1, x] daᵀ over the first `count` rows, and dv likewise; `common` has each block's exponent.

    `columns` [product] is what `columns_read` gives, `factors` [row of dv] what `vector_factor` does.
    """
    P, _, H = dWT.shape
    raise_exponents(columns, factors, da, exponent, hx, others, count, dWT, dv, common)
    for row in range(dv.shape[0]):
        p, factor = factors[row]
        rows = hx[:, 0:H] if factor == 1 else others[factor - 2, :, 0:H]
        weighed = da[p, :count].copy()
        if weigh(weighed, exponent[p], rows, common[VECTORS], size_of(dv[row], common[VECTORS])):
            add_products(weighed, rows, dv[row])
    for p in range(P):
        first, last, other = columns[p]
        of_all = shared(columns[p], common, H)
        if of_all == DIFFERENT:
            add_blocks(columns[p], da[p, :count], exponent[p], hx, others, dWT[p], common)
            continue
        size = NEVER
        if fall_far(exponent[p], count, of_all, da.itemsize):
            size = smallest_size(columns[p], dWT[p], common)
        if weigh(da[p, :count], exponent[p], hx, of_all, size):
            multiply(hx[:count, first:last].T, da[p, :count], dWT[p, first:last], True)
            if other >= 0:
                multiply(others[other, :count].T, da[p, :count], dWT[p, :H], True)


@kernel
def shared(columns: Exponents, common: Exponents, hidden: int) -> int:
    """The exponent of all blocks that a product reads; DIFFERENT if they have several."""
    of_all = NEVER
    for block in range(VECTORS):
        first, last = columns_of(block, columns, hidden)
        if first < last and common[block] != NEVER:
            if of_all not in (NEVER, common[block]):
                return DIFFERENT
            of_all = common[block]
    return of_all


@kernel
def fall_far(exponent: Exponents, count: int, common: int, itemsize: int) -> bool:
    """Whether some row may be too small to count."""
    far = FAR_32 if itemsize == 4 else FAR_64
    found = False
    for k in range(count):
        found |= exponent[k] - common < -far
    return found


@kernel
def smallest_size(columns: Exponents, dWT: Array, common: Exponents) -> int:
    """The least of the exponents of the largest entries, block by block."""
    least = -NEVER
    for block in range(VECTORS):
        first, last = columns_of(block, columns, dWT.shape[1])
        if first < last and common[block] != NEVER:
            least = min(least, size_of(dWT[first:last].ravel(), common[block]))
    return least


@kernel
def raise_exponents(
    columns: Exponents, factors: Exponents, da: Array, exponent: Exponents, hx: Array, others: Array, count: int,
    dWT: Array, dv: Array, common: Exponents,
) -> None:  # fmt: skip
    """Each block's exponent becomes the largest one of all rows so far that count in it; the sums follow."""
    P, _, H = dWT.shape
    before = common.copy()
    for p in range(P):
        for block in range(VECTORS):
            first, last = columns_of(block, columns[p], H)
            if first < last:
                factor = factor_of(block, columns[p], hx, others, H)
                common[block] = largest_exponent(da[p], exponent[p], factor, count, common[block])
    for row in range(dv.shape[0]):
        p, factor = factors[row]
        rows = hx[:, 0:H] if factor == 1 else others[factor - 2, :, 0:H]
        for k in range(count):
            if exponent[p, k] > common[VECTORS] and meet(da[p, k], rows[k]):
                common[VECTORS] = exponent[p, k]
    for block in range(VECTORS):
        if before[block] not in (common[block], NEVER):
            for p in range(P):
                first, last = columns_of(block, columns[p], H)
                for column in range(first, last):
                    scale(dWT[p, column], before[block] - common[block])
    if before[VECTORS] not in (common[VECTORS], NEVER):
        for row in range(dv.shape[0]):
            scale(dv[row], before[VECTORS] - common[VECTORS])


@kernel
def add_blocks(
    columns: Exponents, da: Array, exponent: Exponents, hx: Array, others: Array, dWT: Array, common: Exponents
) -> None:
    """Add a product's rows, block by block, where the exponents differ."""
    count, H = da.shape
    weighed = np.empty_like(da)
    for block in range(VECTORS):
        first, last = columns_of(block, columns, H)
        if first < last:
            factor, out = factor_of(block, columns, hx, others, H), dWT[first:last]
            weighed[:] = da
            if weigh(weighed, exponent, factor, common[block], size_of(out.ravel(), common[block])):
                multiply(factor[:count].T, weighed, out, True)


@kernel
def add_products(da: Array, factor: Array, out: Array) -> None:
    """out ← out + Σ da⊙factor over the rows."""
    for k in range(da.shape[0]):
        for j in range(out.size):
            out[j] += da[k, j] * factor[k, j]


@kernel
def size_of(x: Array, exponent: int) -> int:
    """Exponent of the largest entry."""
    return magnitude(largest(x), exponent)


@kernel
def meet(da: Array, factor: Array) -> bool:
    """Whether some unit has both."""
    found = False
    for j in range(da.size):
        found |= (da[j] != 0) & (factor[j] != 0)
    return found


@kernel
def largest_exponent(da: Array, exponent: Exponents, factor: Array, count: int, common: int) -> int:
    """The largest exponent of all rows that are not zero and have a factor that is not."""
    for k in range(count):
        if exponent[k] > common and largest(da[k]) != 0 and largest(factor[k]) != 0:
            common = exponent[k]
    return common


@kernel
def weigh(da: Array, exponent: Exponents, factor: Array, common: int, size: int) -> bool:
    """Bring all rows to the common exponent. Returns whether any is large enough to change a sum of this size.

    Rows too small for that become exact zeros: as subnormal numbers they would make a product up to ten times slower.
    So do rows above the common exponent: they are zero, or their factor is.
    """
    far = FAR_32 if da.itemsize == 4 else FAR_64
    felt = False
    for k in range(da.shape[0]):
        power = exponent[k] - common
        if (power > 0 or power < -far) and lost(da[k], exponent[k], factor[k], size - far, power > 0):
            da[k] = 0
            continue
        felt = True
        if power != 0:
            scale(da[k], power)
    return felt


@kernel
def lost(da: Array, exponent: int, factor: Array, least: int, above: bool) -> bool:
    """Whether the products of a row are all zero or below 2^least; never those of an Inf or a NaN."""
    top, most = largest(da), largest(factor)
    if not (math.isfinite(top) and math.isfinite(most)):
        return False
    return above or top == 0 or most == 0 or magnitude(top, exponent) + magnitude(most, 0) < least

"""The saturated rows of a step that their own dtype holds, all at once: a loop takes longer to begin than over one row.

What lies between the first and the last of them is computed, too, and is thrown away. Each function takes the flag from
the rows that it refuses; those go to `models.bptt.compiled.wide`, one by one.
"""

from models.bptt.compiled.adjoint import NEAR_32, NEAR_64, SMALLEST_32, SMALLEST_64, row_top
from models.bptt.compiled.elementary import bits_of
from models.bptt.compiled.jit import Array, Flags, Scalar, kernel
from models.bptt.compiled.slopes import LIMIT_32, LIMIT_64, SIGMOID_LIMIT_32, SIGMOID_LIMIT_64


@kernel
def ends(rows: Flags) -> tuple[int, int]:
    """The first of the chosen rows, and the row after the last."""
    first, last = 0, len(rows)
    while first < last and not rows[first]:
        first += 1
    while last > first and not rows[last - 1]:
        last -= 1
    return first, last


@kernel
def refuse_outside(near: Flags, x: Array, least: Scalar, most: Scalar) -> None:
    """The rows whose largest |entry| is below `least` or above `most`, or NaN."""
    number = x.dtype.type
    for b in range(len(x)):
        near[b] = near[b] and bits_of(number(least)) <= row_top(x, b) <= bits_of(number(most))


@kernel
def refuse_flat_sigmoid(near: Flags, a: Array) -> None:
    """The rows with a preactivation whose σ' is no normal number."""
    refuse_outside(near, a, 0.0, SIGMOID_LIMIT_32 if a.itemsize == 4 else SIGMOID_LIMIT_64)


@kernel
def refuse_flat_tanh(near: Flags, a: Array) -> None:
    """The rows with a preactivation whose tanh' is no normal number."""
    refuse_outside(near, a, 0.0, LIMIT_32 if a.itemsize == 4 else LIMIT_64)


@kernel
def refuse_far(near: Flags, x: Array) -> None:
    """The rows that need an exponent of their own; what is subnormal becomes exactly zero."""
    bits = NEAR_32 if x.itemsize == 4 else NEAR_64
    refuse_outside(near, x, 2.0 ** -(bits + 1), 2.0**bits)
    flush(x.ravel())


@kernel
def flush(x: Array) -> None:
    """Subnormal numbers ← 0."""
    number = x.dtype.type
    smallest = bits_of(number(SMALLEST_32 if x.itemsize == 4 else SMALLEST_64))
    for k in range(x.size):
        x[k] = number(0) if bits_of(x[k]) < smallest else x[k]

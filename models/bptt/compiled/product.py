"""Small matrix products from inside compiled code."""

import numpy as np

from models.bptt.compiled.jit import Array, kernel
from models.bptt.compiled.pack import LINE
from models.bptt.compiled.tile import (
    FEW,
    MANY,
    ROWS,
    VECTOR,
    one_vector,
    one_vector_of_few,
    two_vectors,
    two_vectors_of_few,
)


@kernel
def multiply(a: Array, b: Array, c: Array, add: bool) -> None:
    """c ← a b, or with `add` c ← c + a b, for the columns that c has. Each row is computed by itself.

    The columns of b and c lie side by side, and b may have more of them.
    """
    (M, N), lanes = c.shape, VECTOR // c.itemsize
    if lanes <= N:
        multiply_wide(a, b, c, add)
    elif N > 0:
        wide_b, wide_c = np.zeros((b.shape[0], lanes), b.dtype), np.zeros((M, lanes), c.dtype)
        write_columns(b[:, :N], wide_b, 0)
        write_columns(c, wide_c, 0)
        multiply_wide(a, wide_b, wide_c, add)
        write_columns(wide_c[:, :N], c, 0)


@kernel
def in_lines(size: int, like: Array) -> Array:
    """Memory for so many numbers of the dtype of `like` that begins at a line of the cache, for `b` above: if its rows
    fill whole lines, no vector of it lies in two."""
    memory = np.empty(size + LINE // like.itemsize, like.dtype)
    first = -memory.ctypes.data % LINE // like.itemsize
    return memory[first : first + size]


@kernel
def write_columns(a: Array, out: Array, start: int) -> None:
    """Copy a into the columns of out, from `start` on."""
    for b in range(a.shape[0]):
        for k in range(a.shape[1]):
            out[b, start + k] = a[b, k]


@kernel
def multiply_wide(a: Array, b: Array, c: Array, add: bool) -> None:
    """The same where c is at least a vector wide. The last vector may begin among columns that are there already."""
    (M, N), lanes = c.shape, VECTOR // c.itemsize
    done = N - N % (2 * lanes)
    for n in range(0, done, 2 * lanes):
        m = 0
        while M - m > FEW:
            two_vectors(a, b, c, m, n, 0, add)
            m += ROWS
        if m < M:
            two_vectors_of_few(a, b, c, m, n, 0, add)
    while done < N:
        n, m = min(done, N - lanes), 0
        while M - m > FEW:
            one_vector(a, b, c, m, n, done - n, add)
            m += MANY
        if m < M:
            one_vector_of_few(a, b, c, m, n, done - n, add)
        done = n + lanes

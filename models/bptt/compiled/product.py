"""Small matrix products from inside compiled code: BLAS without a way back to Python.

Each is cut into blocks of at most about 64³ multiplications. OpenBLAS runs such a block on the calling thread and, on
CPUs with AVX-512, by kernels made for small matrices: 110 GFLOPS on a core where one large product had 85.
"""

from typing import Any

from numba import types
from numba.np.linalg import ensure_blas

from models.bptt.compiled.jit import Array, kernel

ensure_blas()  # numba takes BLAS from scipy
ADDRESS, COUNT, WORD = types.voidptr, types.intp, types.char
xxgemm: Any = types.ExternalFunction(
    "numba_xxgemm",
    types.intc(  # dtype, transpose, transpose, sizes, alpha, matrix, stride, matrix, stride, beta, matrix, stride
        *(WORD, WORD, WORD, COUNT, COUNT, COUNT, ADDRESS, ADDRESS, COUNT, ADDRESS, COUNT, ADDRESS, ADDRESS, COUNT)
    ),
)
SINGLE, DOUBLE, PLAIN, TRANSPOSED = ord("s"), ord("d"), ord("n"), ord("t")


@kernel
def gemm(transpose: bool, a: Array, b: Array, one: Array, beta: Array, c: Array) -> None:
    """c ← a b + beta c, or aᵀ b + beta c. BLAS stores by columns: to it, this is cᵀ ← bᵀ aᵀ + beta cᵀ."""
    size = a.itemsize
    kind = SINGLE if size == 4 else DOUBLE
    word = TRANSPOSED if transpose else PLAIN
    M, N, K = c.shape[0], c.shape[1], b.shape[0]
    stride_a, stride_b, stride_c = a.strides[0] // size, b.strides[0] // size, c.strides[0] // size
    A, B, C = a.ctypes, b.ctypes, c.ctypes
    xxgemm(kind, PLAIN, word, N, M, K, one.ctypes, B, stride_b, A, stride_a, beta.ctypes, C, stride_c)


@kernel
def multiply(a: Array, b: Array, c: Array, zero_one: Array, add: bool) -> None:
    """c ← a b, or with `add` c ← c + a b."""
    M, K = a.shape
    N = b.shape[1]
    one, zero = zero_one[1:], zero_one[:1]
    width = 64 * max(1, 256 // K)
    for k in range(0, K, 256):
        beta = one if add or k > 0 else zero
        for n in range(0, N, width):
            for m in range(0, M, 16):
                rows, inner, columns = slice(m, m + 16), slice(k, k + 256), slice(n, n + width)
                gemm(False, a[rows, inner], b[inner, columns], one, beta, c[rows, columns])


@kernel
def add_transposed(a: Array, b: Array, c: Array, zero_one: Array) -> None:
    """c ← c + aᵀ b."""
    K, M = a.shape
    N = b.shape[1]
    one = zero_one[1:]
    for k in range(0, K, 128):
        for m in range(0, M, 64):
            for n in range(0, N, 32):
                inner, rows, columns = slice(k, k + 128), slice(m, m + 64), slice(n, n + 32)
                gemm(True, a[inner, rows], b[inner, columns], one, one, c[rows, columns])

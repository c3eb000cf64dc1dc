"""exp, ln, the logistic sigmoid and tanh as polynomials, so that a compiler can work on 8 or 16 of them at once.

    x = k ln 2 + r,  |r| ≤ ½ ln 2:    exp(x) = 2^k exp(r)         (Cody & Waite 1980)

exp(r) - 1 is its Taylor polynomial, of degree 7 in float32 and 13 in float64, where the first term left out is below
half a unit in the last place. NaN stays NaN, ±Inf has its limits; a test holds them to a few units in the last place.
"""

import math

import numpy as np
from numba import types
from numba.extending import overload

from models.bptt.compiled.jit import Array, Scalar, kernel

# Adding 1.5 · 2^(mantissa bits) rounds to the nearest whole number and leaves it in the low bits of the sum.
LOG2_E, LN_2 = math.log2(math.e), math.log(2)
LOG2_E_32, ROUND_32, BITS_32 = np.float32(LOG2_E), np.float32(1.5 * 2**23), np.int32(0x4B400000)
LOG2_E_64, ROUND_64, BITS_64 = np.float64(LOG2_E), np.float64(1.5 * 2**52), np.int64(0x4338000000000000)
# ln 2 in two parts: the first has so few bits that k times it is exact.
HIGH_32, LOW_32 = np.float32(0.693359375), np.float32(-2.12194440e-4)
HIGH_64, LOW_64 = np.float64(0.6931471803691238), np.float64(1.9082149292705877e-10)
# Beyond these σ is 0 or 1, and tanh ±1: σ(-88) is 6e-39 and σ(-709) is 1e-308, at the lower end of the dtype.
EXP_LIMIT_32, TANH_LIMIT_32 = np.float32(88), np.float32(9.1)
EXP_LIMIT_64, TANH_LIMIT_64 = np.float64(709), np.float64(19.1)

ZERO_32, ONE_32, TWO_32 = np.float32(0), np.float32(1), np.float32(2)
A2, A3, A4, A5, A6, A7 = (np.float32(1 / math.factorial(k)) for k in range(2, 8))
B2, B3, B4, B5, B6, B7, B8, B9, B10, B11, B12, B13 = (1 / math.factorial(k) for k in range(2, 14))

BITS_OF_SQRT_HALF = np.int64(0x3FE6A09E667F3BCD)
C3, C5, C7, C9, C11, C13, C15, C17, C19 = (1 / k for k in range(3, 20, 2))


@kernel
def power_of_two_32(k: Scalar) -> Scalar:
    """2^k in float32 for -126 ≤ k ≤ 127, from the bits of the number."""
    return np.int32((k + 127) << 23).view(np.float32)


@kernel
def power_of_two_64(k: Scalar) -> Scalar:
    """2^k in float64 for -1022 ≤ k ≤ 1023."""
    return np.int64((k + 1023) << 52).view(np.float64)


@kernel
def reduced_32(x: Scalar) -> tuple[Scalar, Scalar]:
    """k and r of x = k ln 2 + r."""
    shifted = x * LOG2_E_32 + ROUND_32
    k = shifted - ROUND_32
    return np.float32(shifted).view(np.int32) - BITS_32, (x - k * HIGH_32) - k * LOW_32


@kernel
def reduced_64(x: Scalar) -> tuple[Scalar, Scalar]:
    """k and r of x = k ln 2 + r."""
    shifted = x * LOG2_E_64 + ROUND_64
    k = shifted - ROUND_64
    return np.float64(shifted).view(np.int64) - BITS_64, (x - k * HIGH_64) - k * LOW_64


@kernel
def expm1_small_32(r: Scalar) -> Scalar:
    """exp(r) - 1 for |r| ≤ ½ ln 2."""
    return r + r * r * (A2 + r * (A3 + r * (A4 + r * (A5 + r * (A6 + r * A7)))))


@kernel
def expm1_small_64(r: Scalar) -> Scalar:
    """exp(r) - 1 for |r| ≤ ½ ln 2."""
    tail = B8 + r * (B9 + r * (B10 + r * (B11 + r * (B12 + r * B13))))
    return r + r * r * (B2 + r * (B3 + r * (B4 + r * (B5 + r * (B6 + r * (B7 + r * tail))))))


@kernel
def sigmoid_32(x: Scalar) -> Scalar:
    """σ(x) = 1 / (1 + exp(-x))."""
    y = EXP_LIMIT_32 if x < -EXP_LIMIT_32 else -x  # a comparison with NaN is false, and NaN goes on
    y = -EXP_LIMIT_32 if y < -EXP_LIMIT_32 else y
    k, r = reduced_32(y)
    result = ONE_32 / (ONE_32 + (ONE_32 + expm1_small_32(r)) * power_of_two_32(k))
    return ZERO_32 if x < -EXP_LIMIT_32 else result


@kernel
def sigmoid_64(x: Scalar) -> Scalar:
    """σ(x) = 1 / (1 + exp(-x))."""
    y = EXP_LIMIT_64 if x < -EXP_LIMIT_64 else -x
    y = -EXP_LIMIT_64 if y < -EXP_LIMIT_64 else y
    k, r = reduced_64(y)
    result = 1.0 / (1.0 + (1.0 + expm1_small_64(r)) * power_of_two_64(k))
    return 0.0 if x < -EXP_LIMIT_64 else result


@kernel
def tanh_32(x: Scalar) -> Scalar:
    """tanh(x) = E / (E + 2) with E = exp(2x) - 1, which keeps its relative precision near 0."""
    y = TANH_LIMIT_32 if x > TANH_LIMIT_32 else x
    y = -TANH_LIMIT_32 if y < -TANH_LIMIT_32 else y
    k, r = reduced_32(y + y)
    scale = power_of_two_32(k)
    E = scale * expm1_small_32(r) + (scale - ONE_32)
    return E / (E + TWO_32)


@kernel
def tanh_64(x: Scalar) -> Scalar:
    """tanh(x) = E / (E + 2) with E = exp(2x) - 1, which keeps its relative precision near 0."""
    y = TANH_LIMIT_64 if x > TANH_LIMIT_64 else x
    y = -TANH_LIMIT_64 if y < -TANH_LIMIT_64 else y
    k, r = reduced_64(y + y)
    scale = power_of_two_64(k)
    E = scale * expm1_small_64(r) + (scale - 1.0)
    return E / (E + 2.0)


@kernel
def log_64(x: Scalar) -> Scalar:
    """ln x = k ln 2 + 2 artanh((m − 1)/(m + 1)) for a normal x = 2^k m > 0, √½ ≤ m < √2; −∞ for 0."""
    bits = np.float64(x).view(np.int64)
    k = (bits - BITS_OF_SQRT_HALF) >> 52
    m = np.int64(bits - (k << 52)).view(np.float64)
    s = (m - 1.0) / (m + 1.0)
    q = s * s
    tail = C11 + q * (C13 + q * (C15 + q * (C17 + q * C19)))
    result = k * LN_2 + 2.0 * s * (1.0 + q * (C3 + q * (C5 + q * (C7 + q * (C9 + q * tail)))))
    return -np.inf if x == 0.0 else result


def sigmoid(x: Scalar) -> Scalar:
    """σ(x) in the dtype of x; compiled code only."""
    raise NotImplementedError


def tanh(x: Scalar) -> Scalar:
    """tanh(x) in the dtype of x; compiled code only."""
    raise NotImplementedError


@overload(sigmoid, strict=False)
def choose_sigmoid(x: object) -> object:
    """The sigmoid of the argument's dtype."""
    return (lambda x: sigmoid_32(x)) if x == types.float32 else (lambda x: sigmoid_64(x))


@overload(tanh, strict=False)
def choose_tanh(x: object) -> object:
    """The tanh of the argument's dtype."""
    return (lambda x: tanh_32(x)) if x == types.float32 else (lambda x: tanh_64(x))


@kernel
def apply_sigmoid(a: Array) -> None:
    """a ← σ(a)."""
    for k in range(a.size):
        a[k] = sigmoid(a[k])


@kernel
def apply_tanh(a: Array) -> None:
    """a ← tanh(a)."""
    for k in range(a.size):
        a[k] = tanh(a[k])


def bits_of(x: Scalar) -> Scalar:
    """|x| as a whole number, in the order of the sizes, NaN above Inf; compiled code only.

    Whole numbers have a largest one in whatever order they are compared, so that 8 or 16 are compared at once.
    """
    raise NotImplementedError


@overload(bits_of, strict=False)
def choose_bits_of(x: object) -> object:
    """Those of the argument's dtype."""
    if x == types.float32:
        return lambda x: np.float32(abs(x)).view(np.int32)
    return lambda x: np.float64(abs(x)).view(np.int64)


def from_bits(bits: Scalar) -> Scalar:
    """The number of these bits; compiled code only."""
    raise NotImplementedError


@overload(from_bits, strict=False)
def choose_from_bits(bits: object) -> object:
    """The one whose dtype is as wide."""
    if bits == types.int32:
        return lambda bits: np.int32(bits).view(np.float32)
    return lambda bits: np.int64(bits).view(np.float64)

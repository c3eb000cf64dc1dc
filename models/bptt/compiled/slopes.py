"""tanh(x) and σ(x) and their slopes from x itself, at the price of the function alone.

    tanh(|x|) = −E / (2 + E),    tanh'(x) = 4 (1 + E) / (2 + E)²,    1 + E = e^(−2|x|)

    σ(|x|) = 1 / (1 + E),      σ'(x) = E / (1 + E)²,              E = e^(−|x|)

1 − tanh² loses its digits where tanh rounds to ±1; these slopes keep them until E underflows.
"""

import numpy as np
from numba import types
from numba.extending import overload

from models.bptt.compiled.elementary import (
    expm1_small_32,
    expm1_small_64,
    power_of_two_32,
    power_of_two_64,
    reduced_32,
    reduced_64,
)
from models.bptt.compiled.jit import Array, Scalar, kernel

LIMIT_32, LIMIT_64 = np.float32(43), np.float64(354)
"""Up to here e^(−2|x|) is a normal number."""
SIGMOID_LIMIT_32, SIGMOID_LIMIT_64 = np.float32(87), np.float64(708)
"""Up to here e^(−|x|) is one."""
ZERO_32, ONE_32, TWO_32, FOUR_32 = np.float32(0), np.float32(1), np.float32(2), np.float32(4)


@kernel
def tanh_and_slope_32(x: Scalar) -> tuple[Scalar, Scalar]:
    """tanh(x) and tanh'(x) in float32."""
    a = LIMIT_32 if abs(x) > LIMIT_32 else abs(x)
    k, r = reduced_32(-TWO_32 * a)
    scale, small = power_of_two_32(k), expm1_small_32(r)
    E = scale * small + (scale - ONE_32)
    share = ONE_32 / (TWO_32 + E)
    y = -E * share
    return (-y if x < 0 else y), FOUR_32 * (scale + scale * small) * share * share


@kernel
def tanh_and_slope_64(x: Scalar) -> tuple[Scalar, Scalar]:
    """tanh(x) and tanh'(x) in float64."""
    a = LIMIT_64 if abs(x) > LIMIT_64 else abs(x)
    k, r = reduced_64(-2.0 * a)
    scale, small = power_of_two_64(k), expm1_small_64(r)
    E = scale * small + (scale - 1.0)
    share = 1.0 / (2.0 + E)
    y = -E * share
    return (-y if x < 0 else y), 4.0 * (scale + scale * small) * share * share


@kernel
def sigmoid_and_slope_32(x: Scalar) -> tuple[Scalar, Scalar]:
    """σ(x) and σ'(x) in float32."""
    a = SIGMOID_LIMIT_32 if abs(x) > SIGMOID_LIMIT_32 else abs(x)
    k, r = reduced_32(-a)
    scale = power_of_two_32(k)
    E = scale + scale * expm1_small_32(r)
    share = ONE_32 / (ONE_32 + E)
    low = ZERO_32 if x < -SIGMOID_LIMIT_32 else E * share
    return (low if x < 0 else share), E * share * share


@kernel
def sigmoid_and_slope_64(x: Scalar) -> tuple[Scalar, Scalar]:
    """σ(x) and σ'(x) in float64."""
    a = SIGMOID_LIMIT_64 if abs(x) > SIGMOID_LIMIT_64 else abs(x)
    k, r = reduced_64(-a)
    scale = power_of_two_64(k)
    E = scale + scale * expm1_small_64(r)
    share = 1.0 / (1.0 + E)
    low = 0.0 if x < -SIGMOID_LIMIT_64 else E * share
    return (low if x < 0 else share), E * share * share


def tanh_and_slope(x: Scalar) -> tuple[Scalar, Scalar]:
    """tanh(x) and tanh'(x) in the dtype of x; compiled code only."""
    raise NotImplementedError


@overload(tanh_and_slope, strict=False)
def choose_tanh_and_slope(x: object) -> object:
    """Those of the argument's dtype."""
    return (lambda x: tanh_and_slope_32(x)) if x == types.float32 else (lambda x: tanh_and_slope_64(x))


def sigmoid_and_slope(x: Scalar) -> tuple[Scalar, Scalar]:
    """σ(x) and σ'(x) in the dtype of x; compiled code only."""
    raise NotImplementedError


@overload(sigmoid_and_slope, strict=False)
def choose_sigmoid_and_slope(x: object) -> object:
    """Those of the argument's dtype."""
    return (lambda x: sigmoid_and_slope_32(x)) if x == types.float32 else (lambda x: sigmoid_and_slope_64(x))


@kernel
def tanh_row(x: Array, value: Array, slope: Array) -> None:
    """Those of a row."""
    for k in range(x.size):
        value[k], slope[k] = tanh_and_slope(x[k])


@kernel
def sigmoid_row(x: Array, value: Array, slope: Array) -> None:
    """Those of a row."""
    for k in range(x.size):
        value[k], slope[k] = sigmoid_and_slope(x[k])

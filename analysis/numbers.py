"""Statistics of values on a log scale, where −inf is an exact zero and NaN a diverged number."""

import math

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

LN_10 = math.log(10)
"""Nats of a decade."""


def all_finite(values: Tensor) -> bool:
    """Whether no value is infinite or NaN, in a tenth of the time of looking at each: NaN is an end, too."""
    return not values.numel() or all(math.isfinite(end) for end in torch.aminmax(values))


def log_quantile(values: Float[ndarray, "*rest sample"], q: float) -> Float[ndarray, "*rest"]:
    """The quantile `q` over the last axis, without NaN samples; NaN only if every sample is NaN.

    Between two samples it is interpolated, as `numpy.quantile` does: the median of two is their mean, in nats. No
    number lies between −inf and another: there it is −inf, and between a number and inf it is inf.

    Example:
        >>> log_quantile(np.array([[1.0, 4.0], [-np.inf, 2.0]]), 0.5)
        array([ 2.5, -inf])
    """
    return log_quantiles(values, q)[0]


def log_quantiles(values: Float[ndarray, "*rest sample"], *quantiles: float) -> list[Float[ndarray, "*rest"]]:
    """The same for several quantiles."""
    order = np.sort(values, axis=-1)  # NaN sorts last
    count = np.sum(~np.isnan(values), axis=-1)
    return [_at(order, np.asarray(q * np.maximum(count - 1, 0))) for q in quantiles]


def _at(order: Float[ndarray, "*rest sample"], place: Float[ndarray, "*rest"]) -> Float[ndarray, "*rest"]:
    """The sorted samples at a place between two of them."""
    below = np.floor(place)
    low, high = (np.take_along_axis(order, k.astype(int)[..., None], -1)[..., 0] for k in (below, np.ceil(place)))
    with np.errstate(invalid="ignore"):  # −inf and inf
        between = low + (place - below) * (high - low)
    ends = [low == high, np.isneginf(low), np.isposinf(high)]
    mixed: ndarray = np.select(ends, [low, low, high], between)
    return mixed

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
    if not np.isnan(order[..., -1]).any():
        places = [q * (order.shape[-1] - 1) for q in quantiles]
        return [_between(order[..., math.floor(p)], order[..., math.ceil(p)], np.asarray(p % 1)) for p in places]
    last = np.maximum(np.sum(~np.isnan(values), axis=-1) - 1, 0)
    places = [np.asarray(q * last) for q in quantiles]
    return [_between(_sample(order, np.floor(p)), _sample(order, np.ceil(p)), p % 1) for p in places]


def _sample(order: Float[ndarray, "*rest sample"], index: ndarray) -> ndarray:
    """The sorted samples at an index."""
    found: ndarray = np.take_along_axis(order, index.astype(int)[..., None], axis=-1)[..., 0]
    return found


def _between(low: ndarray, high: ndarray, share: ndarray) -> ndarray:
    """The value at a share of the way from one sample to the next."""
    with np.errstate(invalid="ignore"):  # −inf and inf
        mixed = low + share * (high - low)
    made: ndarray = np.where((low == high) | np.isneginf(low), low, np.where(np.isposinf(high), high, mixed))
    return made

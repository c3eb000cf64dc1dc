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
    """The sample nearest to the quantile `q` over the last axis, without NaN samples.

    It does not interpolate, since no number lies between −inf and a number. NaN only if every sample is NaN.
    """
    return log_quantiles(values, q)[0]


def log_quantiles(values: Float[ndarray, "*rest sample"], *quantiles: float) -> list[Float[ndarray, "*rest"]]:
    """The same for several quantiles."""
    order = np.sort(values, axis=-1)  # NaN sorts last
    count = np.sum(~np.isnan(values), axis=-1)
    indices = [np.clip(np.round(q * (count - 1)), 0, None).astype(int) for q in quantiles]
    return [np.take_along_axis(order, index[..., None], axis=-1)[..., 0] for index in indices]

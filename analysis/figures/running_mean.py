"""A running mean that a huge value outside of its window does not touch."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

Over = Float[ndarray, " step"]


def running_mean(values: Over, window: int) -> Over:
    """Mean of the finite ones of the last `window` values up to each point; NaN where none is.

    A window reaches over the end of a block of as many values: its sum is that of the end of one block and of the
    beginning of the next, so that no value outside it is added and taken away again, which a loss of 10³⁰ would not
    survive.
    """
    blocks = np.concatenate([values, np.full(-len(values) % window, np.nan)]).reshape(-1, window)
    known = np.isfinite(blocks)
    total, count = (_over_two_blocks(x)[: len(values)] for x in (np.where(known, blocks, 0.0), known.astype(float)))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _over_two_blocks(x: Float[ndarray, "block place"]) -> Float[ndarray, " value"]:
    """The sum of the values that end at each place and are as many as a block has."""
    begins, ends = np.cumsum(x, axis=1), np.cumsum(x[:, ::-1], axis=1)[:, ::-1]
    begins[1:, :-1] += ends[:-1, 1:]
    return begins.ravel()

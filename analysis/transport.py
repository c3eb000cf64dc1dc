"""How far a gradient travels: the gradient of the last loss, over the lags that the task needs."""

import math
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray

from analysis.course import Course, course
from analysis.finding import Subject
from analysis.numbers import all_finite, log_quantile
from models.recording.trace import Trace


def transport_course(s: Subject) -> Course:
    """What the gradient of the last loss does; it has diverged if any number of the pass is not finite."""
    every_lag = state_log_by_lag(s.transport)
    log = every_lag[: s.dependency + 1]
    of = "the gradient" if s.transport is s.trace else "the gradient of the last loss"
    if s.trace.cell_state is not None:
        of += " to (h, c)"
    if has_diverged(s, every_lag):
        return Course("diverged", log, 0, broken_gradients(s.trace), of)
    found, k = course(log, of=of), s.trace.truncate
    return replace(found, has_no_path=k is not None and found.zero_from is not None and found.zero_from <= k)


def state_log_by_lag(trace: Trace) -> Float[ndarray, " lag"]:
    """Median of ln‖dL/ds_t‖ over the batch (nats), at lag 0, 1, …; top layer, forwards.

    s is the whole state, (h, c) for an LSTM: dL/dc_t may still carry a gradient that dL/dh_t has lost.
    """
    top = trace.top
    log_norm, of_cell = top.log_norm, top.cell_log_norm
    if of_cell is not None:
        log_norm = torch.logaddexp(2 * log_norm, 2 * of_cell) / 2
    by_lag: Float[ndarray, " lag"] = log_quantile(top.ended_together(log_norm).cpu().numpy(), 0.5)[::-1]
    return by_lag


def has_diverged(s: Subject, by_lag: Float[ndarray, " lag"] | None = None) -> bool:
    """Whether a state, the loss or a gradient of the pass is not finite; `by_lag` is `state_log_by_lag`, if known."""
    by_lag = state_log_by_lag(s.transport) if by_lag is None else by_lag
    finite = all_finite(s.trace.hidden) and (s.loss is None or math.isfinite(s.loss))
    return not finite or broken_gradients(s.trace) > 0 or not np.all(by_lag < math.inf)


def broken_gradients(trace: Trace) -> int:
    """How many gradients of a state are not finite, over layers, timesteps and samples."""
    return sum(layer.broken_gradients for layer in trace.layers)

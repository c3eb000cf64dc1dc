"""The gradient profile: ln‖dL/dh_t‖ over the lag from the loss, and the fit of its decay rate.

`fit_decay` fits the line; its standard error is computed in `analysis.straight.least_squares_line`.
"""

import math
import sys
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from analysis.course import GONE, Course, course, from_which_on
from analysis.numbers import log_quantile, log_quantiles
from analysis.straight import least_squares_line, straight_span
from analysis.wording import rate, significant
from models.recording.layer_record import LayerRecord

SHORTEST_FIT = 3
"""Fewest timesteps for a line with a standard error."""

SHARE_STRAIGHT = 0.25
"""Share of the lags: a line that holds over fewer lags says nothing about the profile."""

LARGEST_EXPONENT = math.log(sys.float_info.max)


@dataclass(frozen=True, eq=False)
class Decay:
    """A straight line through ln‖dL/dh_t‖ over lag, on the span of lags where the profile is straight.

    If there is no fit, the numbers are None and `reason` says why in a sentence.
    """

    rate: float | None
    """Nats per step of lag; negative where the gradient vanishes."""
    standard_error: float | None
    """Of the rate, in nats per step, for residuals that are correlated over lags (see `least_squares_line`). It is
    never below the rounding of one step, since every step's product is rounded."""
    intercept: float | None
    """Nats: the line's value at lag 0."""
    straight_from: int | None
    straight_until: int | None
    """The smallest and the largest lag between which the line holds."""
    reason: str | None = None

    @property
    def factor(self) -> float | None:
        """The factor by which each step multiplies the gradient."""
        return None if self.rate is None else math.exp(self.rate) if self.rate < LARGEST_EXPONENT else math.inf

    @property
    def direction(self) -> int:
        """−1 if the gradient falls, 1 if it rises, 0 if the rate is within two standard errors of 0."""
        if self.rate is None or self.standard_error is None or abs(self.rate) <= 2 * self.standard_error:
            return 0
        return -1 if self.rate < 0 else 1

    @property
    def half_life(self) -> float | None:
        """Steps in which the gradient halves; None if it does not clearly shrink."""
        return None if self.rate is None or self.direction >= 0 else math.log(0.5) / self.rate

    @property
    def trend(self) -> str:
        """The rate in words, or a sentence that no trend is clear or that there is no rate."""
        if self.rate is None or self.standard_error is None:
            return f"no rate: {self.reason}"
        if self.direction:
            return rate(self.rate)
        return f"no clear trend ({significant(self.rate)} ± {significant(self.standard_error)} nats per step)"


def describe_decay(decay: Decay) -> str:
    """A rate and the lags over which its line holds, or the reason why there is no rate."""
    return decay.trend if decay.rate is None else f"{decay.trend}, lags {decay.straight_from}–{decay.straight_until}"


@dataclass(frozen=True, eq=False)
class Profile:
    """ln‖dL/dh_t‖ of one layer over time, and its decay, horizon and underflow. Arrays are [time], t = 1 … T.

    Shorter sequences are moved so that all end at T.
    """

    t: Int[ndarray, " time"]
    lag: Int[ndarray, " time"]
    """Steps back from the last step at which the gradient enters: T − t, or t − 1 in the reverse direction."""
    median: Float[ndarray, " time"]
    """Median over the batch (nats); −inf for a gradient of exactly zero, NaN for one that has diverged."""
    low: Float[ndarray, " time"]
    high: Float[ndarray, " time"]
    """10 % and 90 % quantiles over the batch, nats."""
    direct: Float[ndarray, " time"]
    """Median of the direct gradient's log norm, nats."""
    decay: Decay
    horizon_t: int | None
    """Going back, the timestep from which on the median stays below 1e-7 of its largest value; None if it does not."""
    horizon_lag: int | None
    underflow_log: float
    """Natural log of the smallest number of the model's dtype."""
    underflow_lag: int | None
    """The first lag after the largest value at which the dtype itself would show a zero."""
    diverged: int
    """How many (timestep, sample) pairs have a gradient of NaN or Inf."""
    no_path: Bool[ndarray, " time"] | None = None
    """From which timesteps no path leads to a loss, whatever the weights are; None if it is not known."""
    why_no_path: str = ""
    """A sentence that explains it."""

    @cached_property
    def course(self) -> Course:
        """What the gradient does on its way back: it vanishes, explodes or stays."""
        has_no_path = self.no_path is not None and bool(self.no_path[np.argmax(self.lag)])
        return course(self.median[np.argsort(self.lag)], self.diverged, has_no_path=has_no_path)


def profile(layer: LayerRecord) -> Profile:
    """ln‖dL/dh_t‖ over the lag (nats) of one layer, with its decay rate, horizon and underflow.

    Args:
        layer: a recorded layer.

    Example:
        >>> import torch
        >>> from models import SequenceModel, record
        >>> model = SequenceModel("elman", input_size=1, hidden_size=4, output_size=1, nonlinearity="identity")
        >>> model.recurrent.weight_hh_l0.data = 0.9 * torch.eye(4)
        >>> trace = record(model, torch.zeros(50, 2, 1), lambda outputs: outputs[-1].sum())
        >>> found = profile(trace.top)
        >>> print(found.decay.trend)
        ×0.9 per step (−0.105 nats)
        >>> found.horizon_lag is None  # 0.9^49 is above 1e-7
        True
    """
    log_norm, direct = (layer.ended_together(x).cpu().numpy() for x in (layer.log_norm, layer.direct_log_norm))
    padded = 0 if layer.padding is None else int(layer.padding.sum())
    return profile_of_sizes(log_norm, direct, layer.hidden.dtype, layer.reverse, padded)


def profile_of_sizes(
    log_norm: Float[ndarray, "time batch"],
    direct_log_norm: Float[ndarray, "time other"],
    dtype: torch.dtype,
    reverse: bool = False,
    padded: int = 0,
) -> Profile:
    """The profile of one layer and direction, from the norms of its gradients alone.

    Args:
        log_norm: ln‖dL/dh_t‖ (nats).
        direct_log_norm: the same for the direct gradient; its batch may be different.
        dtype: the network's dtype.
        reverse: whether the direction reads from the last input to the first.
        padded: how many of the norms are padding, which is NaN.
    """
    T = len(log_norm)
    t = np.arange(1, T + 1)
    lag = t - 1 if reverse else T - t
    low, median, high = log_quantiles(log_norm, 0.1, 0.5, 0.9)
    by_lag = median if reverse else median[::-1]

    horizon = horizon_lag(by_lag)
    underflow_log = smallest_log(dtype)
    underflow = first_below(by_lag, underflow_log)
    return Profile(
        t=t,
        lag=lag,
        median=median,
        low=low,
        high=high,
        direct=log_quantile(direct_log_norm, 0.5),
        decay=fit_decay(by_lag, torch.finfo(dtype).eps),
        horizon_t=None if horizon is None else (horizon + 1 if reverse else T - horizon),
        horizon_lag=horizon,
        underflow_log=underflow_log,
        underflow_lag=underflow,
        diverged=int(np.sum(np.isnan(log_norm) | np.isposinf(log_norm))) - padded,
    )


def describe_horizon(p: Profile) -> str:
    """Where the gradient is below 10⁻⁷ of its largest size, in words; `nowhere` only if it never is."""
    if p.horizon_lag is not None:
        return f"from lag {p.horizon_lag} on (t\u00a0=\u00a0{p.horizon_t})"
    if p.course.kind in ("diverged", "zero"):
        return f"not known, since the gradient {p.course.verb}"
    log = p.course.log
    return "at some lags, but not at the last" if bool((log < log.max() + GONE).any()) else "nowhere"


def smallest_log(dtype: torch.dtype) -> float:
    """Natural log of the smallest positive number of a dtype, subnormal ones included (nats)."""
    info = torch.finfo(dtype)
    return math.log(info.tiny) + math.log(info.eps)


def horizon_lag(log_by_lag: Float[ndarray, " lag"]) -> int | None:
    """The lag from which on the gradient stays below 1e-7 of its largest; None if it does not, or is not finite."""
    finite = log_by_lag[np.isfinite(log_by_lag)]
    return from_which_on(log_by_lag < finite.max() + GONE) if finite.size else None


def first_below(log_by_lag: Float[ndarray, " lag"], level: float) -> int | None:
    """The smallest lag after the largest value at which the value is below `level`; None if there is none."""
    finite = np.where(np.isfinite(log_by_lag), log_by_lag, -np.inf)
    start = int(np.argmax(finite))
    below = np.flatnonzero(log_by_lag[start:] < level)
    return start + int(below[0]) if below.size else None


def fit_decay(log_by_lag: Float[ndarray, " lag"], rounding: float = sys.float_info.epsilon) -> Decay:
    """Fit the decay rate by least squares, over the longest span of lags on which the profile is straight.

    It begins at the first lag whose gradient is not exactly zero, and ends before the next zero, Inf or NaN.

    Args:
        log_by_lag: ln‖dL/dh‖ at lags 0, 1, …, nats.
        rounding: relative rounding of the dtype in which each step was computed; the rate's error is at least this.
    """
    first = int(np.argmin(np.isneginf(log_by_lag)))
    finite = np.isfinite(log_by_lag[first:])
    n = int(np.argmin(finite)) if not finite.all() else len(finite)
    if n < SHORTEST_FIT:
        return Decay(None, None, None, None, None, too_short(log_by_lag, first, n))
    start, end = (first + lag for lag in straight_span(log_by_lag[first : first + n]))
    if end + 1 - start < max(SHORTEST_FIT, SHARE_STRAIGHT * n):
        reason = f"no straight line holds over a quarter of the lags; the longest is from lag {start} to lag {end}."
        return Decay(None, None, None, None, None, reason)
    slope, intercept, error = least_squares_line(log_by_lag[start : end + 1])
    return Decay(slope, max(error, rounding), intercept - slope * start, start, end)


def too_short(log_by_lag: Float[ndarray, " lag"], first: int, n: int) -> str:
    """Why there is no fit if only the n values from lag `first` on are finite, in a sentence."""
    if first + n < len(log_by_lag):
        beyond = "exactly zero" if np.isneginf(log_by_lag[first + n]) else "not a finite number"
        what = f"the gradient is {beyond} at lag {first + n}"
    else:
        what = "there is one timestep" if n == 1 else f"there are {n} timesteps"
        what += f" from lag {first} on" if first else ""
    return f"{what}; a fit needs at least {SHORTEST_FIT} timesteps."

"""The gradient profile: ln‖dL/dh_t‖ over the lag from the loss, and how fast it decays."""

import math
import sys
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy import ndarray

from analysis.jacobian import is_reverse, layer_index
from analysis.numbers import log_quantile
from analysis.wording import rate, significant
from models.trace import Trace

HORIZON = 1e-7
"""A gradient below this fraction of the largest is called vanished."""

SHORTEST_FIT = 3
"""Fewest timesteps through which a line with an error can be fitted."""


LARGEST_EXPONENT = math.log(sys.float_info.max)


@dataclass(frozen=True, eq=False)
class Decay:
    """A straight line through ln‖dL/dh_t‖ over lag, on the span where it is one.

    `reason` says in a sentence why there is no fit; the numbers are then None.
    """

    rate: float | None
    """Nats per step of lag; negative where the gradient vanishes."""
    standard_error: float | None
    """Of the rate, in nats per step, for residuals that are correlated over lags (see `least_squares_line`); never
    below the rounding of one step, since every step's product is rounded."""
    intercept: float | None
    """Nats: the line's value at lag 0."""
    straight_from: int | None
    straight_until: int | None
    """The smallest and the largest lag between which the line holds."""
    reason: str | None = None

    @property
    def factor(self) -> float | None:
        """What each step multiplies the gradient by."""
        return None if self.rate is None else math.exp(self.rate) if self.rate < LARGEST_EXPONENT else math.inf

    @property
    def direction(self) -> int:
        """−1 where the gradient vanishes, 1 where it explodes, 0 where two standard errors leave that open."""
        if self.rate is None or self.standard_error is None or abs(self.rate) <= 2 * self.standard_error:
            return 0
        return -1 if self.rate < 0 else 1

    @property
    def half_life(self) -> float | None:
        """Steps in which the gradient halves; None where it does not clearly shrink."""
        return None if self.rate is None or self.direction >= 0 else math.log(0.5) / self.rate

    @property
    def trend(self) -> str:
        """What each step back does to the gradient, in words: a rate, or that there is none, or none that is clear."""
        if self.rate is None or self.standard_error is None:
            return f"no rate: {self.reason}"
        if self.direction:
            return rate(self.rate)
        return f"no clear trend ({significant(self.rate)} ± {significant(self.standard_error)} nats per step)"


@dataclass(frozen=True, eq=False)
class Profile:
    """ln‖dL/dh_t‖ of one layer over time, and what follows from it. Arrays are [time], t = 1 … T."""

    t: Int[ndarray, " time"]
    lag: Int[ndarray, " time"]
    """Steps back from the last that the gradient enters: T − t, or t − 1 in the reverse direction."""
    median: Float[ndarray, " time"]
    """Nats, the median over the batch; −inf where the gradient is exactly zero, NaN where it has diverged."""
    low: Float[ndarray, " time"]
    high: Float[ndarray, " time"]
    """10 % and 90 % quantiles over the batch, nats."""
    direct: Float[ndarray, " time"]
    """Median of the direct gradient's log norm, nats."""
    decay: Decay
    horizon_t: int | None
    """The timestep nearest to the loss at which the median is below 1e-7 of its largest value; None if none is."""
    horizon_lag: int | None
    underflow_log: float
    """Natural log of the smallest number of the model's dtype."""
    underflow_lag: int | None
    """The first lag, beyond the largest value, at which the dtype itself would show a zero."""
    diverged: int
    """How many (timestep, sample) pairs have a gradient that is not a number, or infinite."""


def profile(trace: Trace, layer: int | None = None) -> Profile:
    """The profile of one layer and direction.

    Args:
        trace: a recorded pass.
        layer: index in the trace's layer axis, 2*l + d with two directions; None for the top layer, forwards.

    Raises:
        ValueError: no such layer.
    """
    index = layer_index(trace, layer)
    log_norm = trace.log_norm[index].cpu().numpy()
    T = len(log_norm)
    t = np.arange(1, T + 1)
    reverse = is_reverse(trace, index)
    lag = t - 1 if reverse else T - t
    median = log_quantile(log_norm, 0.5)
    by_lag = median if reverse else median[::-1]

    horizon = first_below(by_lag, _largest(by_lag) + math.log(HORIZON))
    underflow_log = smallest_log(trace.hidden.dtype)
    underflow = first_below(by_lag, underflow_log)
    return Profile(
        t=t,
        lag=lag,
        median=median,
        low=log_quantile(log_norm, 0.1),
        high=log_quantile(log_norm, 0.9),
        direct=log_quantile(trace.direct_log_norm[index].cpu().numpy(), 0.5),
        decay=fit_decay(by_lag, torch.finfo(trace.hidden.dtype).eps),
        horizon_t=None if horizon is None else (horizon + 1 if reverse else T - horizon),
        horizon_lag=horizon,
        underflow_log=underflow_log,
        underflow_lag=underflow,
        diverged=int(np.sum(np.isnan(log_norm) | np.isposinf(log_norm))),
    )


def smallest_log(dtype: torch.dtype) -> float:
    """Natural log of the smallest positive number of a dtype, subnormal ones included (nats)."""
    info = torch.finfo(dtype)
    return math.log(info.tiny) + math.log(info.eps)


def _largest(log_values: Float[ndarray, " lag"]) -> float:
    finite = log_values[np.isfinite(log_values)]
    return float(finite.max()) if finite.size else math.nan


def first_below(log_by_lag: Float[ndarray, " lag"], level: float) -> int | None:
    """The smallest lag, beyond the largest value, at which the value is below `level`; None if there is none."""
    finite = np.where(np.isfinite(log_by_lag), log_by_lag, -np.inf)
    start = int(np.argmax(finite))
    below = np.flatnonzero(log_by_lag[start:] < level)
    return start + int(below[0]) if below.size else None


def fit_decay(log_by_lag: Float[ndarray, " lag"], rounding: float = sys.float_info.epsilon) -> Decay:
    """Least squares over the longest span of lags on which a straight line describes the profile.

    That is all of it, unless two lines are clearly better: then it is the longer of the two.

    Args:
        log_by_lag: ln‖dL/dh‖ at lags 0, 1, …, nats.
        rounding: relative, of the dtype in which each step was computed; the rate's error is never below it.
    """
    finite = np.isfinite(log_by_lag)
    n = int(np.argmin(finite)) if not finite.all() else len(log_by_lag)
    if n < SHORTEST_FIT:
        return Decay(None, None, None, None, None, too_short(log_by_lag, n))
    start, end = straight_span(log_by_lag[:n])
    slope, intercept, error = least_squares_line(log_by_lag[start : end + 1])
    return Decay(slope, max(error, rounding), intercept - slope * start, start, end)


def too_short(log_by_lag: Float[ndarray, " lag"], n: int) -> str:
    """Why there is no fit where only the first n values are finite, in a sentence."""
    if n < len(log_by_lag):
        beyond = "exactly zero" if np.isneginf(log_by_lag[n]) else "not a finite number"
        what = f"from lag {n} on the gradient is {beyond}"
    else:
        what = "there is one timestep" if n == 1 else f"there are {n} timesteps"
    return f"{what}; a fit needs at least {SHORTEST_FIT} timesteps."


STRAIGHT_WITHIN = 0.5
"""Nats: a profile that stays this close to its line is straight, whatever else would fit even better."""


def straight_span(y: Float[ndarray, " lag"]) -> tuple[int, int]:
    """First and last lag of the straight part: of two lines that meet at a knee, the longer, where one is not enough.

    One line does if no residual passes 0.5 nats or 5 % of the fall, or if a second line does not halve the
    squared error.
    """
    n = len(y)
    slope, intercept, _ = least_squares_line(y)
    residual = y - (intercept + slope * np.arange(n))
    if np.abs(residual).max() <= max(STRAIGHT_WITHIN, 0.05 * float(np.ptp(y))) or n < 2 * SHORTEST_FIT:
        return 0, n - 1
    knees = np.arange(SHORTEST_FIT - 1, n - SHORTEST_FIT)
    errors = _sums_of_squares(y)[knees] + _sums_of_squares(y[::-1])[::-1][knees + 1]
    best = int(np.argmin(errors))
    if errors[best] >= 0.5 * float(residual @ residual):
        return 0, n - 1
    knee = int(knees[best])
    return (0, knee) if knee + 1 >= n - (knee + 1) else (knee + 1, n - 1)


def _sums_of_squares(y: Float[ndarray, " lag"]) -> Float[ndarray, " lag"]:
    """Residual sum of squares of the line through y[:k+1], for every k, by running sums."""
    x = np.arange(len(y), dtype=float)
    y = y - y[0]  # keeps the running sums small
    n = x + 1
    Sx, Sy, Sxx, Sxy, Syy = (np.cumsum(v) for v in (x, y, x * x, x * y, y * y))
    varx = np.where(n > 1, Sxx - Sx**2 / n, 1)
    return np.maximum(Syy - Sy**2 / n - (Sxy - Sx * Sy / n) ** 2 / varx, 0)


def least_squares_line(y: Float[ndarray, " lag"]) -> tuple[float, float, float]:
    """Slope, intercept, and the slope's standard error.

    A profile is a running sum of log growths, so that its residuals wander: an error for residuals that are only
    correlated over a few lags (Newey & West 1987) came out 2 to 7 times too small. They are therefore whitened first by
    u_t = ρ u_{t−1} + e_t (Andrews & Monahan 1992); within 1.3 of the true scatter from 50 lags on, whatever ρ.
    """
    n = len(y)
    x = np.arange(n) - (n - 1) / 2
    slope = float(x @ y) / float(x @ x)
    u = y - y.mean() - slope * x
    rho = autoregression(u)
    e = np.concatenate([u[:1], u[1:] - rho * u[:-1]])
    effect = x / float(x @ x)  # of each e_t on the slope, through all later u
    for t in reversed(range(n - 1)):
        effect[t] += rho * effect[t + 1]
    score = effect * e
    bandwidth = min(int(4 * (n / 100) ** (2 / 9)), n - 1)
    variance = float(score @ score)
    for j in range(1, bandwidth + 1):
        variance += 2 * (1 - j / (bandwidth + 1)) * float(score[j:] @ score[:-j])
    error = math.sqrt(max(variance, 0) * n / max(n - 2, 1))
    return slope, float(y.mean() - slope * (n - 1) / 2), error


def autoregression(residual: Float[ndarray, " lag"]) -> float:
    """ρ of u_t = ρ u_{t−1} + e_t from a line's residuals, 0 to 1.

    The estimate is (2 + 8ρ)/n too small on average, since the line has been fitted to the same data; within 6/n of 1,
    where a sum of independent growths cannot be told from it, it is 1.
    """
    n = len(residual)
    square = float(residual @ residual)
    rho = float(residual[1:] @ residual[:-1]) / square if square > 0 else 0.0
    rho = min(max(rho + (2 + 8 * rho) / n, 0.0), 1.0)
    return 1.0 if n * (1 - rho) < 6 else rho

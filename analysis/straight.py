"""The longest straight part of a curve, and its least-squares line with a standard error for correlated residuals."""

import math

import numpy as np
from jaxtyping import Float
from numpy import ndarray

FEWEST = 3
"""Fewest points for a line with a standard error."""

STRAIGHT_WITHIN = 0.5
"""Nats: a curve that stays this close to its line is straight, even if two lines would fit better,"""

BENT_BY = 0.25
"""nats: unless it bends by more than this,"""
BENT_SHARE = 0.1
"""by more than this share of its rise or fall,"""
BENT_ERRORS = 3
"""and by more than its scatter could: so many standard errors."""


def straight_span(y: Float[ndarray, " lag"]) -> tuple[int, int]:
    """First and last lag of the longest straight part: the curve is cut at its best knee until all parts are straight.

    Parts shorter than a quarter of the curve are not cut further.
    """
    return _longest_straight(y, 0, len(y) // 4)


def _longest_straight(y: Float[ndarray, " lag"], offset: int, fewest: int) -> tuple[int, int]:
    n = len(y)
    if n < max(fewest, 2 * FEWEST) or (knee := knee_of(y)) is None:
        return offset, offset + n - 1
    left = _longest_straight(y[: knee + 1], offset, fewest)
    right = _longest_straight(y[knee + 1 :], offset + knee + 1, fewest)
    return left if left[1] - left[0] >= right[1] - right[0] else right


def knee_of(y: Float[ndarray, " lag"]) -> int | None:
    """The lag where the first of the two best lines ends; None if one line is enough.

    One line is enough if the curve does not bend, and if either no residual is above 0.5 nats or 5 % of the fall, or
    two lines do not halve the squared error.
    """
    n = len(y)
    rate, intercept, _ = least_squares_line(y)
    residual = y - (intercept + rate * np.arange(n))
    bent = bends(y)
    if not bent and np.abs(residual).max() <= max(STRAIGHT_WITHIN, 0.05 * float(np.ptp(y))):
        return None
    knees = np.arange(FEWEST - 1, n - FEWEST)
    errors = _sums_of_squares(y)[knees] + _sums_of_squares(y[::-1])[::-1][knees + 1]
    best = int(np.argmin(errors))
    if not bent and errors[best] >= 0.5 * float(residual @ residual):
        return None
    return int(knees[best])


def bends(y: Float[ndarray, " lag"]) -> bool:
    """Whether the curve's rate drifts over its lags by more than its scatter explains, and enough to matter.

    y = a + r k + ½ d k² lies d n²/8 from its chord. The drift d is the slope of the growths y_{k+1} − y_k. It is tested
    on the growths, since they are independent if the curve is a sum of random growths.
    """
    n = len(y) - 1
    drift, _, error = least_squares_line(np.diff(y))
    bend = abs(drift) * n**2 / 8
    return bend > max(BENT_BY, BENT_SHARE * float(np.ptp(y))) and abs(drift) > BENT_ERRORS * error


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

    A profile is a running sum of log growths, so its residuals are correlated over many lags. An error for residuals
    that are correlated over a few lags (Newey & West 1987) was 2 to 7 times too small. Therefore the residuals are
    whitened first by u_t = ρ u_{t−1} + e_t (Andrews & Monahan 1992). From 50 lags on the error is within a factor of
    1.3 of the true scatter, for every ρ.
    """
    n = len(y)
    x = np.arange(n) - (n - 1) / 2
    slope = float(x @ y) / float(x @ x)
    u = y - y.mean() - slope * x
    rho = autoregression(u)
    e = np.concatenate([u[:1], u[1:] - rho * u[:-1]])
    score = effect_of_each(x, rho) / float(x @ x) * e
    bandwidth = min(int(4 * (n / 100) ** (2 / 9)), n - 1)
    variance = float(score @ score)
    for j in range(1, bandwidth + 1):
        variance += 2 * (1 - j / (bandwidth + 1)) * float(score[j:] @ score[:-j])
    error = math.sqrt(max(variance, 0) * n / max(n - 2, 1))
    return slope, float(y.mean() - slope * (n - 1) / 2), error


def effect_of_each(x: Float[ndarray, " lag"], rho: float) -> Float[ndarray, " lag"]:
    """What each e_t of u_t = ρ u_{t−1} + e_t does to Σ x_t u_t, through all later u: Σ_{j≥0} ρ^j x_{t+j}.

    x rises by 1 from lag to lag, so the sum is x_t Σ ρ^j + Σ j ρ^j, over j = 0 … n − 1 − t.
    """
    j = np.arange(len(x))
    powers = rho**j
    sums: Float[ndarray, " lag"] = x * np.cumsum(powers)[::-1] + np.cumsum(j * powers)[::-1]
    return sums


def autoregression(residual: Float[ndarray, " lag"]) -> float:
    """ρ of u_t = ρ u_{t−1} + e_t from a line's residuals, 0 to 1.

    The plain estimate is (2 + 8ρ)/n too small on average, since the line was fitted to the same data; it is corrected.
    Within 6/n of 1 the result is 1: it cannot be told from a sum of independent growths.
    """
    n = len(residual)
    square = float(residual @ residual)
    rho = float(residual[1:] @ residual[:-1]) / square if square > 0 else 0.0
    rho = min(max(rho + (2 + 8 * rho) / n, 0.0), 1.0)
    return 1.0 if n * (1 - rho) < 6 else rho

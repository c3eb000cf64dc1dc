"""Gradient descent, with and without clipping, on the error surface of one unit, which has a cliff.

x_t = w σ(x_{t−1}) + b,   E(w, b) = (σ(x_T) − target)²        (Pascanu et al. 2013, Fig. 6)
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

FAR = 1e6
"""Descent stops where a weight or bias is larger than this: it will not come back."""


@dataclass(frozen=True)
class Slope:
    """The error at one place, and its gradient."""

    error: float
    weight: float
    """∂E/∂w."""
    bias: float
    """∂E/∂b."""

    @property
    def norm(self) -> float:
        """‖∇E‖."""
        return math.hypot(self.weight, self.bias)


def slope_at(weight: float, bias: float, start: float = 0.5, steps: int = 50, target: float = 0.7) -> Slope:
    """E and ∇E at one point (w, b), by the forward recursion of dx/dw and dx/db.

    Raises:
        ValueError: a weight or bias that is not finite, or fewer than 1 step.
    """
    if not (math.isfinite(weight) and math.isfinite(bias)):
        raise ValueError(f"weight and bias were {weight} and {bias}; they must be finite.")
    if steps < 1:
        raise ValueError(f"steps was {steps}; it must be at least 1.")
    x, dx_dw, dx_db = start, 0.0, 0.0
    for _ in range(steps):
        s = 0.5 * (1 + math.tanh(0.5 * x))
        slope = weight * sigmoid_slope(x)
        x, dx_dw, dx_db = weight * s + bias, s + slope * dx_dw, 1 + slope * dx_db
    y = 0.5 * (1 + math.tanh(0.5 * x))
    dE_dx = 2 * (y - target) * sigmoid_slope(x)
    return Slope((y - target) ** 2, dE_dx * dx_dw, dE_dx * dx_db)


def sigmoid_slope(x: float) -> float:
    """σ'(x) = E / (1 + E)² with E = e^−|x|, which is right even where σ rounds to 1."""
    E = math.exp(-abs(x))
    return E / (1 + E) ** 2


@dataclass(frozen=True, eq=False)
class Descent:
    """The points that gradient descent visits from one start; the first point is the start."""

    weight: Float[ndarray, " step"]
    bias: Float[ndarray, " step"]
    error: Float[ndarray, " step"]
    slope: Float[ndarray, " step"]
    """‖∇E‖ before clipping."""
    clipped: int
    """How many steps were shortened."""

    @property
    def longest(self) -> float:
        """Length of the longest step taken, in the plane of w and b."""
        return float(np.hypot(np.diff(self.weight), np.diff(self.bias)).max(initial=0.0))


def descend(
    weight: float, bias: float, learning_rate: float, steps: int, clip_threshold: float | None = None
) -> Descent:
    """Gradient descent on E, w ← w − η g; with a threshold τ, each g is clipped to g·min(1, τ/‖g‖).

    Raises:
        ValueError: a start that is not finite, a learning rate or threshold that is not above 0, fewer than 1 step.
    """
    for name, value in {"learning_rate": learning_rate, "clip_threshold": clip_threshold}.items():
        if value is not None and not 0 < value < math.inf:
            raise ValueError(f"{name} was {value}; it must be finite and above 0.")
    if steps < 1:
        raise ValueError(f"steps was {steps}; it must be at least 1.")
    places, clipped = [], 0
    for k in range(steps + 1):
        here = slope_at(weight, bias)
        places.append((weight, bias, here.error, here.norm))
        factor = 1.0
        if clip_threshold is not None and here.norm > clip_threshold:
            factor = clip_threshold / here.norm
            clipped += k < steps
        weight -= learning_rate * factor * here.weight
        bias -= learning_rate * factor * here.bias
        if max(abs(weight), abs(bias)) > FAR:
            break
    weights, biases, errors, slopes = np.array(places).T
    return Descent(weights, biases, errors, slopes, clipped)


@dataclass(frozen=True, eq=False)
class Seen:
    """The part of a descent that lies within a window."""

    weight: Float[ndarray, " place"]
    bias: Float[ndarray, " place"]
    error: Float[ndarray, " place"]
    left: bool
    """Whether a step leaves the window. The last point then lies on the edge, where the step crosses it."""


def up_to_the_edge(d: Descent, weights: tuple[float, float], biases: tuple[float, float]) -> Seen:
    """The points of a descent within a window, up to the place where it leaves the window for the first time.

    Raises:
        ValueError: the descent starts outside the window.
    """
    inside = (weights[0] <= d.weight) & (d.weight <= weights[1]) & (biases[0] <= d.bias) & (d.bias <= biases[1])
    if not inside[0]:
        raise ValueError(f"the descent starts at {d.weight[0]:g}, {d.bias[0]:g}; it must start within the window.")
    if inside.all():
        return Seen(d.weight, d.bias, d.error, False)
    k = int(np.argmin(inside))
    part = 1.0
    for values, limits in ((d.weight, weights), (d.bias, biases)):
        if not limits[0] <= values[k] <= limits[1]:
            edge = limits[0] if values[k] < limits[0] else limits[1]
            part = min(part, float((edge - values[k - 1]) / (values[k] - values[k - 1])))
    w, b = (float(v[k - 1] + part * (v[k] - v[k - 1])) for v in (d.weight, d.bias))
    return Seen(
        np.append(d.weight[:k], w), np.append(d.bias[:k], b), np.append(d.error[:k], slope_at(w, b).error), True
    )

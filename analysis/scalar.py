"""Networks of one unit, which can be drawn completely: folds, the cliff of an error surface, and a latch."""

import itertools
import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

Values = float | Float[ndarray, "*grid"]


def sigmoid(x: Float[ndarray, "*grid"]) -> Float[ndarray, "*grid"]:
    """σ(x) = 1/(1 + e^−x), without overflow."""
    return np.exp(-np.logaddexp(0, -np.asarray(x, float)))


def log_sigmoid_slope(x: Float[ndarray, "*grid"]) -> Float[ndarray, "*grid"]:
    """ln σ'(x) = −|x| − 2 ln(1 + e^−|x|): finite even where a rounded σ gives σ (1 − σ) = 0."""
    return -np.abs(x) - 2 * np.log1p(np.exp(-np.abs(x)))


def sigmoid_slope(x: Float[ndarray, "*grid"]) -> Float[ndarray, "*grid"]:
    """σ'(x)."""
    return np.exp(log_sigmoid_slope(x))


def tanh_slope(x: Float[ndarray, "*grid"]) -> Float[ndarray, "*grid"]:
    """tanh'(x) = 4 σ'(2x)."""
    return 4 * sigmoid_slope(2 * x)


# Doya's unit: x_t = w σ(x_{t−1}) + b


def doya_fold_biases(weight: float) -> tuple[float, float] | None:
    """The two biases between which x = w σ(x) + b has two stable states, smaller first; None for w ≤ 4.

    At a fold the curve x − w σ(x) turns: w σ'(x) = 1, so that σ = (1 ± √(1 − 4/w))/2 (Doya 1993; Pascanu et al. 2013,
    Fig. 3, has w = 5: −2.6556 and −2.3444). Just beyond a fold the unit jumps, and its gradient explodes.

    Raises:
        ValueError: a weight that is not finite.
    """
    if not math.isfinite(weight):
        raise ValueError(f"weight was {weight}; it must be finite.")
    if weight <= 4:
        return None
    root = math.sqrt(1 - 4 / weight)
    biases = [math.log(s / (1 - s)) - weight * s for s in ((1 + root) / 2, (1 - root) / 2)]
    return min(biases), max(biases)


@dataclass(frozen=True, eq=False)
class Orbit:
    """A unit's states and the gradient that goes back through them, one per step."""

    x: Float[ndarray, " step *grid"]
    """x_0 … x_T."""
    log_gradient: Float[ndarray, " step *grid"]
    """ln |∂x_T/∂x_t| (nats)."""


def doya_orbit(weight: Values, bias: Values, start: Values, steps: int) -> Orbit:
    """x_t = w σ(x_{t−1}) + b for `steps` steps; weight, bias and start may be grids of one shape.

    Raises:
        ValueError: fewer than 1 step.
    """
    if steps < 1:
        raise ValueError(f"steps was {steps}; it must be at least 1.")
    grid = np.broadcast_shapes(*(np.shape(v) for v in (weight, bias, start)))
    w, b, x = np.broadcast_arrays(*(np.atleast_1d(np.asarray(v, float)) for v in (weight, bias, start)))
    states, log_slopes = [x], []
    for _ in range(steps):
        s = sigmoid(x)
        with np.errstate(divide="ignore"):
            log_slopes.append(np.log(np.abs(w)) + log_sigmoid_slope(x))
        x = w * s + b
        states.append(x)
    backwards = np.cumsum(log_slopes[::-1], axis=0)[::-1]
    log_gradient = np.concatenate([backwards, np.zeros((1, *w.shape))])
    return Orbit(*(steps_of.reshape(-1, *grid) for steps_of in (np.stack(states), log_gradient)))


@dataclass(frozen=True, eq=False)
class ErrorSurface:
    """E(w, b) on a grid, rows over b and columns over w, and its gradient."""

    weight: Float[ndarray, " column"]
    bias: Float[ndarray, " row"]
    error: Float[ndarray, "row column"]
    grad_weight: Float[ndarray, "row column"]
    grad_bias: Float[ndarray, "row column"]

    @property
    def slope(self) -> Float[ndarray, "row column"]:
        """‖∇E‖."""
        return np.hypot(self.grad_weight, self.grad_bias)


def error_surface(
    weight: Float[ndarray, " column"],
    bias: Float[ndarray, " row"],
    start: float = 0.5,
    steps: int = 50,
    target: float = 0.7,
) -> ErrorSurface:
    """E = (σ(x_T) − target)² of Doya's unit and its gradient, as in Pascanu et al. 2013, Fig. 6: a wall at the fold.

    Args:
        weight: w along the columns; the figure has 4.5 to 5.5.
        bias: b along the rows; the figure has −2.9 to −1.9.
        start: x_0.
        steps: T.
        target: the wanted value of σ(x_T).

    Raises:
        ValueError: axes that are empty or not finite, or fewer than 1 step.
    """
    for name, axis in {"weight": weight, "bias": bias}.items():
        if np.ndim(axis) != 1 or not len(axis) or not np.isfinite(axis).all():
            raise ValueError(f"{name} must be a list of at least one finite number.")
    if steps < 1:
        raise ValueError(f"steps was {steps}; it must be at least 1.")
    w, b = np.meshgrid(np.asarray(weight, float), np.asarray(bias, float))
    x, dx_dw, dx_db = np.full_like(w, start), np.zeros_like(w), np.zeros_like(w)
    for _ in range(steps):
        s = sigmoid(x)
        slope = w * sigmoid_slope(x)
        x, dx_dw, dx_db = w * s + b, s + slope * dx_dw, 1 + slope * dx_db
    y = sigmoid(x)
    dE_dx = 2 * (y - target) * sigmoid_slope(x)
    return ErrorSurface(
        np.asarray(weight, float), np.asarray(bias, float), (y - target) ** 2, dE_dx * dx_dw, dE_dx * dx_db
    )


# The latch: x_t = w tanh(x_{t−1}) + b


@dataclass(frozen=True, eq=False)
class Latch:
    """One tanh unit that may keep a bit (Bengio et al. 1994)."""

    weight: float
    bias: float
    bistable: bool
    largest_bias: float | None
    """The unit has two stable states for |b| below this; None for w ≤ 1, which never has two."""
    fixed_points: Float[ndarray, " point"]
    """All x with x = w tanh(x) + b, in rising order."""
    slopes: Float[ndarray, " point"]
    """w tanh'(x) at each: a step's factor on the gradient. Below 1 at stable points: a latch's gradient vanishes."""


def latch(weight: float, bias: float) -> Latch:
    """The fixed points of x = w tanh x + b, and whether two of them can hold a bit.

    Bistable iff w > 1 and |b| < √(w(w−1)) − ln(√w + √(w−1)).

    Raises:
        ValueError: a weight below 0 (it alternates instead of latching), or a number that is not finite.
    """
    if not 0 <= weight < math.inf:
        raise ValueError(f"weight was {weight}; it must be a finite number of at least 0.")
    if not math.isfinite(bias):
        raise ValueError(f"bias was {bias}; it must be finite.")
    largest = math.sqrt(weight * (weight - 1)) - math.acosh(math.sqrt(weight)) if weight > 1 else None

    # Between its turning points ±acosh(√w), x − w tanh x − b is monotone: at most one zero each side and one between.
    turn = math.acosh(math.sqrt(weight)) if weight > 1 else 0.0
    far = weight + abs(bias) + 1
    edges = [-far, -turn, turn, far] if turn > 0 else [-far, far]

    def excess(x: float) -> float:
        return x - weight * math.tanh(x) - bias

    brackets = [ab for ab in itertools.pairwise(edges) if excess(ab[0]) * excess(ab[1]) < 0]
    from scipy.optimize import brentq  # it takes half a second to import, and this file is for more than latches

    x = np.array([brentq(excess, *ab, xtol=1e-15) for ab in brackets] + [e for e in edges if excess(e) == 0])
    x.sort()
    return Latch(weight, bias, largest is not None and abs(bias) < largest, largest, x, weight * tanh_slope(x))

"""Doya's unit x = w σ(x) + b with w = 5: where its two stable states end, and how the gradient explodes there."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from analysis.figures.over_setting import SettingLine, setting_picture
from analysis.figures.picture import Picture
from analysis.figures.theme import NEUTRAL, OTHER_COLOURS
from analysis.scalar import doya_orbit, sigmoid
from experiments.recipes.expectation import Values

WEIGHT, LOWEST, HIGHEST = 5.0, -3.2, -1.8
FAR = 20.0
"""Starts far below and far above every stable state."""
SETTLING, BISECTIONS = 20_000, 16
BETWEEN = 0.5
"""States below w times this share are low, the others are high."""
STEPS = 20
"""Of the gradient: enough that a slope below 1 shows, and few enough to stay beside an unstable state."""


def measure_doya(seeds: int, quick: bool) -> tuple[Values, Sequence[Picture]]:
    """The two folds, by iteration and bisection, and the largest gradient over the bias; there is no chance in it."""
    settling = 500 if quick else SETTLING
    # from above the state stays high until the bias falls below the lower fold; from below it is the other way round
    lower, upper = (fold(start, settling) for start in (FAR, -FAR))
    bias = np.linspace(LOWEST, HIGHEST, 281)
    high, low = (settled(bias, start, settling)[-1] for start in (FAR, -FAR))
    starts = np.linspace(-4, 4, 801 if quick else 4001)
    largest = doya_orbit(WEIGHT, *np.meshgrid(bias, starts), STEPS).log_gradient[0].max(axis=0)
    between = (bias > lower + 0.01) & (bias < upper - 0.01)
    outside = (bias < lower - 0.3) | (bias > upper + 0.3)
    values = {
        "lower_fold": [lower],
        "upper_fold": [upper],
        "states_apart": [float((high - low)[between].min())],
        "gradient_between": [float(largest[between].min())],
        "gradient_outside": [float(largest[outside].max())],
    }
    inside = bias[(bias > lower) & (bias < upper)]
    return values, [states_picture(bias, high, low, inside, border(inside, settling)), gradient_picture(bias, largest)]


def settled(bias: Float[ndarray, " bias"], start: float, steps: int) -> Float[ndarray, "2 bias"]:
    """The last two states after so many steps."""
    x = before = np.full_like(bias, start)
    for _ in range(steps):
        before, x = x, WEIGHT * sigmoid(x) + bias
    return np.stack([before, x])


def fold(start: float, settling: int) -> float:
    """The bias at which the state from this start changes sides, by bisection."""
    low, high = LOWEST, HIGHEST
    for _ in range(BISECTIONS):
        middle = np.array([(low + high) / 2])
        is_high = float(settled(middle, start, settling)[-1, 0] - middle[0]) > BETWEEN * WEIGHT
        low, high = (low, float(middle[0])) if is_high else (float(middle[0]), high)
    return (low + high) / 2


def border(bias: Float[ndarray, " bias"], settling: int) -> Float[ndarray, " bias"]:
    """The start between those that settle low and those that settle high, by bisection."""
    below, above = np.full_like(bias, -FAR), np.full_like(bias, FAR)
    for _ in range(BISECTIONS):
        middle = x = (below + above) / 2
        for _ in range(settling // 10):  # a start beside the border leaves it soon
            x = WEIGHT * sigmoid(x) + bias
        is_high = x - bias > BETWEEN * WEIGHT
        below, above = np.where(is_high, below, middle), np.where(is_high, middle, above)
    return (below + above) / 2


def states_picture(
    bias: Float[ndarray, " bias"], high: ndarray, low: ndarray, inside: Float[ndarray, " inside"], between: ndarray
) -> Picture:
    """The stable states over the bias, and the border between their basins, as σ(x), which the paper draws."""
    lines = [
        SettingLine("reached from above", bias, sigmoid(high), OTHER_COLOURS[2]),
        SettingLine("reached from below", bias, sigmoid(low), OTHER_COLOURS[1]),
        SettingLine("border between both", inside, sigmoid(between), NEUTRAL),
    ]
    words = "Two stable states between the folds, one outside of them"
    sentence = (
        "Where the unit x = 5 σ(x) + b settles, and the border: starts above it settle high, the others low. Pascanu, "
        "Mikolov & Bengio 2013, Fig. 3, draw the same S; their x is σ(x) here."
    )
    return setting_picture(
        "doya-states", words, lines, sentence, f"{words}.", x_title="bias b", y_title="σ(x)", limits=(0.0, 1.0)
    )


def gradient_picture(bias: Float[ndarray, " bias"], log_gradient: ndarray) -> Picture:
    """The largest gradient of any start over the bias."""
    line = SettingLine(f"largest ln |∂x_{STEPS}/∂x_0|", bias, log_gradient, OTHER_COLOURS[0])
    words = "Between the folds the gradient explodes for some start, outside for none"
    sentence = (
        f"The gradient through {STEPS} steps, the largest over all starts. Where there are two stable states, a start "
        "on the border between them has a gradient above the dotted line, which explodes."
    )
    return setting_picture("doya-gradient", words, [line], sentence, f"{words}.", x_title="bias b", y_title="nats")

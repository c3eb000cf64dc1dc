"""The cliff in the error of one unit over 50 steps, and descents with and without clipping."""

from collections.abc import Sequence

import numpy as np

from analysis.cliff import Descent, descend, up_to_the_edge
from analysis.figures.picture import Picture
from analysis.figures.surface import Path, surface_picture
from analysis.figures.theme import OTHER_COLOURS
from analysis.scalar import ErrorSurface, error_surface
from experiments.recipes.expectation import Values

WHOLE = (0.0, 7.0), (-4.0, 0.0)
"""w and b of the grid on which slopes are compared."""
FIGURE = (4.5, 5.5), (-2.9, -1.9)
"""w and b in the paper's figure."""
BEYOND = -2.2
"""The bias from which on all of the figure lies beyond the wall."""
RATE, THRESHOLD, STEPS, SETTLED = 0.3, 1.0, 400, 50
CENTRE, SCATTER = (5.0, -2.2), 0.2
"""Starts beyond the wall, as in the figure: they walk back to it."""


def measure_cliff(seeds: int, quick: bool) -> tuple[Values, Sequence[Picture]]:
    """The slopes on a grid, and a descent with and without clipping from one start per seed."""
    whole = surface_of(WHOLE, 81 if quick else 401)
    figure = surface_of(FIGURE, 81 if quick else 201)
    row, column = np.unravel_index(int(whole.slope.argmax()), whole.slope.shape)
    starts = [CENTRE + SCATTER * np.random.default_rng(seed).uniform(-1, 1, 2) for seed in range(seeds)]
    plain = [descend(float(w), float(b), RATE, STEPS) for w, b in starts]
    clipped = [descend(float(w), float(b), RATE, STEPS, THRESHOLD) for w, b in starts]
    values = {
        "steepest": [float(whole.slope.max())],
        "steepest_weight": [float(whole.weight[column])],
        "steepest_bias": [float(whole.bias[row])],
        "steepest_over_median": [float(whole.slope.max() / np.median(whole.slope))],
        "height": [float(figure.error.max())],
        "floor": [float(np.median(figure.error[figure.bias >= BEYOND]))],
        "longest_step": [descent.longest for descent in plain],
        "longest_clipped": [descent.longest for descent in clipped],
        "plain_error": [result(descent) for descent in plain],
        "clipped_error": [result(descent) for descent in clipped],
    }
    farthest = max(range(seeds), key=lambda seed: plain[seed].longest)
    paths = {
        "without clipping": Path(plain[farthest], up_to_the_edge(plain[farthest], *FIGURE), OTHER_COLOURS[2]),
        "clipped at 1": Path(clipped[farthest], up_to_the_edge(clipped[farthest], *FIGURE), OTHER_COLOURS[1]),
    }
    return values, [surface_picture("cliff", "A flat surface with a wall", surface_of(FIGURE, 101), paths)]


def surface_of(window: tuple[tuple[float, float], tuple[float, float]], side: int) -> ErrorSurface:
    """The error over w and b, with so many points a side."""
    weights, biases = window
    return error_surface(np.linspace(*weights, side), np.linspace(*biases, side))


def result(descent: Descent) -> float:
    """Median error of the last steps: clipped steps go on hopping over the wall's foot."""
    return float(np.median(descent.error[-SETTLED:]))

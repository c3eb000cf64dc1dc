"""The cliff in the error of one unit over 50 steps, and descents with and without clipping."""

from collections.abc import Sequence

import numpy as np

from analysis.cliff import Descent, descend, up_to_the_edge
from analysis.figures.picture import Picture
from analysis.figures.surface import Path, surface_picture
from analysis.figures.theme import OTHER_COLOURS
from analysis.scalar import error_surface
from experiments.recipes.expectation import Values

WINDOW = (0.0, 7.0), (-4.0, 0.0)
"""w and b in the paper's figure."""
RATE, THRESHOLD, STEPS, SETTLED = 0.3, 1.0, 200, 50
CENTRE, SCATTER = (4.9, -2.8), 0.3
"""Starts before the wall."""


def measure_cliff(seeds: int, quick: bool) -> tuple[Values, Sequence[Picture]]:
    """The slopes on a grid, and a descent with and without clipping from one start per seed."""
    side = 81 if quick else 401
    grid = error_surface(np.linspace(*WINDOW[0], side), np.linspace(*WINDOW[1], side))
    row, column = np.unravel_index(int(grid.slope.argmax()), grid.slope.shape)
    starts = [CENTRE + SCATTER * np.random.default_rng(seed).uniform(-1, 1, 2) for seed in range(seeds)]
    plain = [descend(float(w), float(b), RATE, STEPS) for w, b in starts]
    clipped = [descend(float(w), float(b), RATE, STEPS, THRESHOLD) for w, b in starts]
    values = {
        "steepest": [float(grid.slope.max())],
        "steepest_weight": [float(grid.weight[column])],
        "steepest_bias": [float(grid.bias[row])],
        "steepest_over_median": [float(grid.slope.max() / np.median(grid.slope))],
        "longest_step": [descent.longest for descent in plain],
        "plain_error": [result(descent) for descent in plain],
        "clipped_error": [result(descent) for descent in clipped],
    }
    drawn = error_surface(np.linspace(*WINDOW[0], 141), np.linspace(*WINDOW[1], 101))
    paths = {
        "without clipping": Path(plain[0], up_to_the_edge(plain[0], *WINDOW), OTHER_COLOURS[2]),
        "clipped at 1": Path(clipped[0], up_to_the_edge(clipped[0], *WINDOW), OTHER_COLOURS[1]),
    }
    return values, [surface_picture("cliff", "A flat surface with a wall", drawn, paths)]


def result(descent: Descent) -> float:
    """Median error of the last steps: clipped steps go on hopping over the wall's foot."""
    return float(np.median(descent.error[-SETTLED:]))

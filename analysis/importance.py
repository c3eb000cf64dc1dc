"""How much each setting of many runs matters for one of their numbers.

A random forest learns the number from the settings. Then one setting's values are shuffled among the runs: what the
forest can no longer explain of the number's variation is the setting's importance (Breiman 2001, section 10).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

TREES, SHUFFLES = 100, 10
FEWEST_RUNS = 8
"""Runs with a value: fewer say nothing about several settings."""


@dataclass(frozen=True, eq=False)
class Importances:
    """The importance of each setting, the largest first."""

    settings: tuple[str, ...]
    share: Float[ndarray, " setting"]
    """Its part of what shuffling each setting costs; all parts together are 1, and one that does not matter has 0."""
    spread: Float[ndarray, " setting"]
    """Standard deviation of the part over the shuffles."""
    explained: float
    """R² of the forest on runs that its trees have not seen; 0 or less if the settings explain nothing."""
    runs: int


def importances(settings: Mapping[str, Sequence[object]], values: Float[ndarray, " run"]) -> Importances | None:
    """The importance of each setting that varies; None for fewer than 8 runs with a value, or for equal values.

    Args:
        settings: setting → its value in each run: numbers, words, truth values or None.
        values: the number of each run; runs without a finite one are left out.

    Raises:
        ImportError: the package scikit-learn is missing.

    Example:
        >>> import numpy as np
        >>> rate, seed = np.repeat([0.1, 1.0, 10.0], 8), np.tile(np.arange(8), 3)
        >>> found = importances({"seed": seed.tolist(), "rate": rate.tolist()}, np.log(rate))
        >>> found.settings, bool(found.share[0] > 0.9)
        (('rate', 'seed'), True)
    """
    from sklearn.ensemble import RandomForestRegressor  # here, as it takes a second
    from sklearn.inspection import permutation_importance

    known = np.isfinite(values)
    places = {name: places_of(given)[known] for name, given in settings.items()}
    varied = {name: place for name, place in places.items() if place.size and place.min() < place.max()}
    y = values[known]
    if len(y) < FEWEST_RUNS or not varied or y.min() == y.max():
        return None
    y = y / np.abs(y).max()  # shares and R² stay the same, and no square is beyond float64
    X = np.stack([*varied.values()], axis=1)
    forest = RandomForestRegressor(TREES, oob_score=True, random_state=0, n_jobs=1).fit(X, y)
    found = permutation_importance(forest, X, y, n_repeats=SHUFFLES, random_state=0, n_jobs=1)
    cost = np.maximum(found.importances_mean, 0.0)
    if not cost.sum():
        return None
    order = np.argsort(-cost, kind="stable")
    return Importances(
        tuple([*varied][k] for k in order),
        cost[order] / cost.sum(),
        found.importances_std[order] / cost.sum(),
        float(forest.oob_score_),
        len(y),
    )


def places_of(values: Sequence[object]) -> Float[ndarray, " run"]:
    """Each value's place among the different ones: numbers by size, then words, then None; trees need only order."""
    different = sorted(dict.fromkeys(values), key=sort_key)
    place = {value: k for k, value in enumerate(different)}
    return np.array([place[value] for value in values], dtype=float)


def sort_key(value: object) -> tuple[int, float, str]:
    """Numbers by size, then words by their letters, then None: no threshold is larger than every one."""
    if value is None:
        return 2, 0.0, ""
    return (0, float(value), "") if isinstance(value, int | float) else (1, 0.0, str(value))

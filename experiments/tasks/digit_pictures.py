"""Handwritten digits of 8 by 8 pixels, which come with the package scikit-learn."""

from functools import lru_cache

import numpy as np
from jaxtyping import Float, Int

from experiments.errors import ConfigError

SIDE = 8
"""Pixels of a picture's side."""


@lru_cache(maxsize=1)
def load_digit_pictures(task: str) -> tuple[Float[np.ndarray, "digit 8 8"], Int[np.ndarray, " digit"]]:
    """1797 digits that people wrote, 0 (white) to 1 (ink), and which digit each is (Alpaydin & Kaynak 1998).

    Args:
        task: that needs them, for the sentence about a missing package.

    Raises:
        ConfigError: the package scikit-learn is missing.
    """
    try:
        from sklearn.datasets import load_digits  # an extra: only tasks with pictures need it
    except ImportError:
        raise ConfigError(
            f"task was {task!r}, which needs the package scikit-learn; install it with `pip install scikit-learn`."
        ) from None
    digits = load_digits()
    return digits.images / 16, digits.target

"""Profiles that take each other's place in one chart, and the axis on which each is drawn."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from analysis.numbers import LN_10

MOST_SHARED = 100 * LN_10
"""Nats that profiles may reach over on one axis: on a longer one the steps that train would all be flat."""
LEAST_OWN = 8 * LN_10
"""Nats that an axis of its own has at least, so that its ticks are powers of ten like the others'."""


@dataclass(frozen=True)
class Among:
    """A group of profiles that take each other's place in one chart: see `profile_frames`."""

    reach: tuple[float, float]
    """Smallest and largest finite value of all profiles (nats), so that the axis stays."""
    every: int = 1
    """Timesteps between two drawn points."""

    @staticmethod
    def all_of(values: Float[ndarray, "..."], every: int = 1) -> "Among":
        """The group of profiles with these sizes (nats)."""
        finite = values[np.isfinite(values)]
        return Among((float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0), every)

    @property
    def is_shared(self) -> bool:
        """Whether all profiles have one axis."""
        return self.reach[1] - self.reach[0] <= MOST_SHARED

    def of(self, values: Float[ndarray, "..."]) -> "Among":
        """The group with the axis of one of its pictures, which shows these sizes (nats)."""
        if self.is_shared:
            return self
        low, high = Among.all_of(values).reach
        room = max(LEAST_OWN - (high - low), 0.0) / 2
        return Among((low - room, high + room), self.every)

    @property
    def ends(self) -> tuple[float, float]:
        """The ends of the vertical axis (log₁₀), a little beyond `reach`."""
        low, high = self.reach
        margin = 0.04 * (high - low) or LN_10
        return (low - margin) / LN_10, (high + margin) / LN_10

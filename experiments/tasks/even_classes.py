"""The shared parts of tasks whose classes are equally likely at every timestep."""

import math
from typing import final

from experiments.tasks.classification import Classification
from experiments.tasks.task import LossPosition


class EvenClasses(Classification):
    """K classes, equally likely for who sees no input: a guess of them costs ln K, and is right in 1 of K cases."""

    @property
    def class_count(self) -> int:
        """K: as many as the outputs, unless a task says otherwise."""
        return self.output_size

    @final
    def chance(self, seq_len: int, position: LossPosition | None = None) -> float:
        """ln K (nats)."""
        return math.log(self.class_count)

    @final
    def guess_accuracy(self, seq_len: int) -> float:
        """1/K."""
        return 1 / self.class_count

"""The adding problem: remember two marked numbers, forget all others."""

from jaxtyping import Float
from torch import Tensor

from experiments.tasks.marked_numbers import MarkedNumbers
from experiments.tasks.task import LossPosition


class Adding(MarkedNumbers):
    """The sum of two marked numbers (Arjovsky, Shah & Bengio 2016, §5.2), one target per sequence; 2x with T = 1."""

    name = "adding"
    asks = "the sum at the last timestep, right if the error is below 0.08"

    tolerance = 0.08
    """An answer is right if its error is smaller: a constant guess is right in 15.4 % (T > 1).

    Hochreiter & Schmidhuber (1997, §5.4) allow .04 for a target in [0, 1]; this target lies in [0, 2].
    """

    def combine(self, first: Float[Tensor, "..."], second: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """x_1 + x_2."""
        return first + second

    def chance(self, seq_len: int, position: LossPosition | None = None) -> float:
        """The loss of the memoryless guess 1, the mean: the target's variance 2 · 1/12; 4 · 1/12 for 2x at T = 1."""
        return 1 / 6 if seq_len > 1 else 1 / 3

    def guess_accuracy(self, seq_len: int) -> float:
        """P(|x_1 + x_2 − 1| < τ) = 1 − (1 − τ)², 15.4 %; at T = 1, 2x is uniform on [0, 2) and it is τ."""
        return 1 - (1 - self.tolerance) ** 2 if seq_len > 1 else self.tolerance

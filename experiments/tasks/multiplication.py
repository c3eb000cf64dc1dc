"""The multiplication problem: the adding problem with a product, whose answer no sum of remembered parts can give."""

import math

from jaxtyping import Float
from torch import Tensor

from experiments.tasks.marked_numbers import MarkedNumbers
from experiments.tasks.task import LossPosition


class Multiplication(MarkedNumbers):
    """The product of two marked numbers (Hochreiter & Schmidhuber 1997, §5.5), one target per sequence; x² with T = 1.

    The marks are those of `Adding` here, one in each half. The paper's lie in the first ten timesteps and in the first
    T/2 − 1, and its sequences begin and end with a mark of −1.
    """

    name = "multiplication"
    asks = "the product at the last timestep, right if the error is below 0.04"

    tolerance = 0.04
    """That of Hochreiter & Schmidhuber for targets in [0, 1]."""

    def combine(self, first: Float[Tensor, "..."], second: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """x_1 · x_2."""
        return first * second

    def chance(self, seq_len: int, position: LossPosition | None = None) -> float:
        """The target's variance: 1/3² − 1/4² = 7/144 for a product, 1/5 − 1/3² = 4/45 for x² at T = 1."""
        return 7 / 144 if seq_len > 1 else 4 / 45

    def guess_accuracy(self, seq_len: int) -> float:
        """P(target < 2τ), 28 %: both densities fall, so that the best guess is τ.

        P(x_1 x_2 < z) = z − z ln z; at T = 1, P(x² < z) = √z.
        """
        z = 2 * self.tolerance
        return z - z * math.log(z) if seq_len > 1 else math.sqrt(z)

"""The adding problem: remember two marked numbers, forget all others."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from experiments.tasks.task import LossPosition, Task


class Adding(Task):
    """The sum of two marked numbers (Arjovsky, Shah & Bengio 2016, §5.2).

    Channel 0: x_t uniform on [0, 1). Channel 1: a mark 1 at one random timestep of each half, else 0.
    The halves are [0, ⌊T/2⌋) and [⌊T/2⌋, T). One target a sequence, the sum of the two marked x. With T = 1 both marks
    fall on the only timestep and the target is 2x.
    """

    name = "adding"
    input_size = 2
    output_size = 1
    default_loss_position: LossPosition = "last"

    asks = "the sum at the last timestep, right if off by less than 0.08"

    tolerance = 0.08
    """An answer is right if its error is smaller: a constant guess is right in 15.4 % (T > 1).

    Hochreiter & Schmidhuber (1997, §5.4) allow .04 for a target in [0, 1]; this target lies in [0, 2].
    """

    def length(self, seq_len: int) -> int:
        """T timesteps."""
        return seq_len

    def sample(
        self, batch_size: int, seq_len: int, generator: torch.Generator, dtype: torch.dtype = torch.float32
    ) -> tuple[Float[Tensor, "time batch 2"], Float[Tensor, " batch"]]:
        """Numbers and marks, and the sum of the marked numbers."""
        T, B, device = seq_len, batch_size, generator.device
        half = T // 2
        x = torch.rand(T, B, dtype=torch.float64, generator=generator, device=device)
        first = torch.randint(0, max(half, 1), (1, B), generator=generator, device=device)
        second = torch.randint(half, T, (1, B), generator=generator, device=device)
        marks = torch.zeros_like(x).scatter_(0, first, 1).scatter_(0, second, 1)
        target = x.gather(0, first) + x.gather(0, second)
        return torch.stack([x, marks], dim=-1).to(dtype), target.squeeze(0).to(dtype)

    def losses(
        self, outputs: Float[Tensor, "time batch output"], targets: Float[Tensor, " batch"]
    ) -> Float[Tensor, "time batch"]:
        """Squared error at each timestep."""
        return (outputs.squeeze(-1) - targets) ** 2

    def correct(
        self, outputs: Float[Tensor, "time batch output"], targets: Float[Tensor, " batch"]
    ) -> Bool[Tensor, "time batch"]:
        """Whether the error of each output is below `tolerance`."""
        return (outputs.squeeze(-1) - targets).abs() < self.tolerance

    def chance(self, seq_len: int, position: LossPosition | None = None) -> float:
        """The loss of the memoryless guess 1, the mean: the target's variance 2 · 1/12; 4 · 1/12 for 2x at T = 1."""
        return 1 / 6 if seq_len > 1 else 1 / 3

    def guess_accuracy(self, seq_len: int) -> float:
        """P(|x_1 + x_2 − 1| < τ) = 1 − (1 − τ)², 15.4 %; at T = 1, 2x is uniform on [0, 2) and it is τ."""
        return 1 - (1 - self.tolerance) ** 2 if seq_len > 1 else self.tolerance

    def dependency(self, seq_len: int) -> int:
        """T − 1: the first mark may be at the first timestep."""
        return seq_len - 1

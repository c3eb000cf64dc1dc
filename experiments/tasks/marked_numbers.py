"""What adding and multiplication share: random numbers, two of them marked, and one answer made of the two."""

from abc import abstractmethod
from typing import final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from experiments.tasks.task import LossPosition, Task


class MarkedNumbers(Task):
    """One answer made of two marked numbers.

    Channel 0: x_t uniform on [0, 1). Channel 1: a mark 1 at one random timestep of each half, else 0.
    The halves are [0, ⌊T/2⌋) and [⌊T/2⌋, T). With T = 1 both marks fall on the only timestep.
    """

    input_size = 2
    output_size = 1
    default_loss_position: LossPosition = "last"
    tolerance: float
    """An answer that is off by less is right."""

    @abstractmethod
    def combine(self, first: Float[Tensor, "..."], second: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """The answer that two marked numbers ask for."""

    @final
    def sample(
        self, batch_size: int, seq_len: int, generator: torch.Generator, dtype: torch.dtype = torch.float32
    ) -> tuple[Float[Tensor, "time batch 2"], Float[Tensor, " batch"]]:
        """Numbers beside marks, and the answer of the two marked numbers."""
        T, B, device = seq_len, batch_size, generator.device
        half = T // 2
        x = torch.rand(T, B, dtype=torch.float64, generator=generator, device=device)
        first = torch.randint(0, max(half, 1), (1, B), generator=generator, device=device)
        second = torch.randint(half, T, (1, B), generator=generator, device=device)
        marks = torch.zeros_like(x).scatter_(0, first, 1).scatter_(0, second, 1)
        target = self.combine(x.gather(0, first), x.gather(0, second))
        return torch.stack([x, marks], dim=-1).to(dtype), target.squeeze(0).to(dtype)

    @final
    def symbols(self, inputs: Float[Tensor, "time 2"]) -> list[str]:
        """The numbers."""
        return [f"{number:.2f}" for number in inputs[:, 0].tolist()]

    @final
    def matters(self, inputs: Float[Tensor, "time 2"]) -> Bool[Tensor, " time"]:
        """The marked ones."""
        return inputs[:, 1] > 0.5

    @final
    def losses(
        self, outputs: Float[Tensor, "time batch output"], targets: Float[Tensor, " batch"]
    ) -> Float[Tensor, "time batch"]:
        """Squared error at each timestep."""
        return (outputs.squeeze(-1) - targets) ** 2

    @final
    def correct(
        self, outputs: Float[Tensor, "time batch output"], targets: Float[Tensor, " batch"]
    ) -> Bool[Tensor, "time batch"]:
        """Whether each output is off by less than `tolerance`."""
        return (outputs.squeeze(-1) - targets).abs() < self.tolerance

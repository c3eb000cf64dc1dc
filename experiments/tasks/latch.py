"""The latch: hold one bit against noise."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from experiments.tasks.even_classes import EvenClasses
from experiments.tasks.task import LossPosition

SHOWN = 3
"""Timesteps at the beginning that show the class."""
NOISE = 0.2
"""Standard deviation of the noise."""


class Latch(EvenClasses):
    """Which of two classes the first timesteps showed (after Bengio, Simard & Frasconi 1994).

    Inputs, 1 channel: noise of mean 0 and standard deviation .2, and in the first 3 timesteps −1 for class 0 or +1 for
    class 1 beside it. One target per sequence, the class. The paper learns the first inputs together with the weights;
    here they are given.
    """

    name = "latch"
    input_size = 1
    output_size = 2
    default_loss_position: LossPosition = "last"
    asks = "the class at the last timestep"

    def sample(
        self, batch_size: int, seq_len: int, generator: torch.Generator, dtype: torch.dtype = torch.float32
    ) -> tuple[Float[Tensor, "time batch 1"], Int[Tensor, " batch"]]:
        """The class's sign and noise, then noise alone; and the class."""
        T, B, device = seq_len, batch_size, generator.device
        target = torch.randint(0, 2, (B,), generator=generator, device=device)
        x = NOISE * torch.randn(T, B, dtype=torch.float64, generator=generator, device=device)
        x[:SHOWN] += 2 * target - 1
        return x.unsqueeze(-1).to(dtype), target

    def symbols(self, inputs: Float[Tensor, "time 1"]) -> list[str]:
        """The numbers, with their signs."""
        return [f"{number:+.1f}" for number in inputs[:, 0].tolist()]

    def matters(self, inputs: Float[Tensor, "time 1"]) -> Bool[Tensor, " time"]:
        """The timesteps that show the class."""
        return torch.arange(len(inputs)) < SHOWN

    def answer_word(self, answer: float) -> str:
        """The class by its sign."""
        return ("−1", "+1")[int(answer)]

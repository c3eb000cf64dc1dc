"""Parity of every prefix: whether the number of ones so far is even or odd, at every timestep."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from experiments.tasks.even_classes import EvenClasses
from experiments.tasks.task import LossPosition


class Parity(EvenClasses):
    """The exclusive or of all bits so far, at every timestep (the long-dependency form of the XOR problem).

    Inputs, 1 channel: fair bits x_t, 0 or 1. Targets, one per timestep, of 2 classes: (x_0 + … + x_t) mod 2. Every
    earlier bit counts in every later answer, and one wrong bit makes all that follow wrong.
    """

    name = "parity"
    input_size = 1
    output_size = 2
    default_loss_position: LossPosition = "every"
    asks = "the parity of every prefix"

    def sample(
        self, batch_size: int, seq_len: int, generator: torch.Generator, dtype: torch.dtype = torch.float32
    ) -> tuple[Float[Tensor, "time batch 1"], Int[Tensor, "time batch"]]:
        """Bits, and whether the ones so far are odd."""
        bits = torch.randint(0, 2, (seq_len, batch_size), generator=generator, device=generator.device)
        return bits.unsqueeze(-1).to(dtype), bits.cumsum(0) % 2

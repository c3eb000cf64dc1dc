"""Parity of every prefix: whether the number of ones so far is even or odd, at every timestep."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

from experiments.tasks.classification import Classification
from experiments.tasks.task import LossPosition


class Parity(Classification):
    """The exclusive or of all bits so far, at every timestep (the long-dependency form of the XOR problem).

    Inputs, 1 channel: fair bits x_t, 0 or 1. Targets, one per timestep, of 2 classes: (x_0 + … + x_t) mod 2. Every
    earlier bit counts in every later answer, and one wrong bit makes all that follow wrong.
    """

    name = "parity"
    input_size = 1
    output_size = 2
    default_loss_position: LossPosition = "every"
    asks = "the parity of every prefix"

    def length(self, seq_len: int) -> int:
        """T timesteps."""
        return seq_len

    def sample(
        self, batch_size: int, seq_len: int, generator: torch.Generator, dtype: torch.dtype = torch.float32
    ) -> tuple[Float[Tensor, "time batch 1"], Int[Tensor, "time batch"]]:
        """Bits, and whether the ones so far are odd."""
        bits = torch.randint(0, 2, (seq_len, batch_size), generator=generator, device=generator.device)
        return bits.unsqueeze(-1).to(dtype), bits.cumsum(0) % 2

    def chance(self, seq_len: int, position: LossPosition | None = None) -> float:
        """ln 2 (nats): without the inputs each parity is a fair coin."""
        return math.log(2)

    def guess_accuracy(self, seq_len: int) -> float:
        """1/2."""
        return 1 / 2

    def dependency(self, seq_len: int) -> int:
        """T − 1: the first bit counts in the last answer."""
        return seq_len - 1

"""The random permutation problem: only the first of many symbols comes back."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from experiments.tasks.classification import one_hot
from experiments.tasks.even_classes import EvenClasses
from experiments.tasks.task import LossPosition

SYMBOLS = 100


class RandomPermutation(EvenClasses):
    """The first symbol is the answer, all others are noise (Pascanu et al. 2013, as its published code has it).

    Inputs, T timesteps, one-hot, 100 channels: 0 or 1, then symbols from 2 to 99, drawn independently in spite of the
    name. One target per sequence, of 100 classes: the first symbol.
    """

    name = "random_permutation"
    input_size = SYMBOLS
    output_size = SYMBOLS
    default_loss_position: LossPosition = "last"
    asks = "the first symbol, at the last timestep"

    @property
    def class_count(self) -> int:
        """2: of 100 classes only two occur."""
        return 2

    def sample(
        self, batch_size: int, seq_len: int, generator: torch.Generator, dtype: torch.dtype = torch.float32
    ) -> tuple[Float[Tensor, "time batch 100"], Int[Tensor, " batch"]]:
        """One-hot symbols, and the first of them."""
        T, B, device = seq_len, batch_size, generator.device
        symbols = torch.randint(2, SYMBOLS, (T, B), generator=generator, device=device)
        symbols[0] = torch.randint(0, 2, (B,), generator=generator, device=device)
        return one_hot(symbols, self.input_size, dtype), symbols[0].clone()

    def symbols(self, inputs: Float[Tensor, "time 100"]) -> list[str]:
        """The symbols' numbers."""
        return [str(symbol) for symbol in inputs.argmax(-1).tolist()]

    def matters(self, inputs: Float[Tensor, "time 100"]) -> Bool[Tensor, " time"]:
        """The first one."""
        return torch.arange(len(inputs)) == 0

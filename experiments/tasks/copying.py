"""The copying problem: ten symbols, a long silence, and the same ten symbols again."""

import math

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from experiments.tasks.classification import Classification, one_hot
from experiments.tasks.task import LossPosition, Targets

SYMBOLS = 10  # how many are to be copied
ALPHABET = 8  # how many different ones there are
BLANK = 8
MARKER = 9


class Copying(Classification):
    """Repeat ten symbols after the marker (Arjovsky, Shah & Bengio 2016, §5.1).

    Inputs, T + 20 timesteps: 10 symbols of 8, T − 1 blanks, the marker, 10 blanks; one-hot, 10 channels. Targets, one
    per timestep, of 9 classes: T + 10 blanks, then the 10 symbols. The loss counts every timestep, even blanks. The
    accuracy counts only the 10 symbols, since (T + 10)/(T + 20) of the targets are blanks. `last` counts the last
    symbol.
    """

    name = "copying"
    input_size = ALPHABET + 2
    output_size = ALPHABET + 1
    default_loss_position: LossPosition = "every"
    asks = "the symbols to copy, not the blanks"

    def length(self, seq_len: int) -> int:
        """T + 20: `seq_len` is the T of the literature, from the last symbol to the marker."""
        return seq_len + 2 * SYMBOLS

    def sample(
        self, batch_size: int, seq_len: int, generator: torch.Generator, dtype: torch.dtype = torch.float32
    ) -> tuple[Float[Tensor, "time batch 10"], Int[Tensor, "time batch"]]:
        """One-hot symbols, blanks and marker, and the class to answer at each timestep."""
        device = generator.device
        to_copy = torch.randint(0, ALPHABET, (SYMBOLS, batch_size), generator=generator, device=device)
        symbols = torch.full((self.length(seq_len), batch_size), BLANK, device=device)
        targets = symbols.clone()
        symbols[:SYMBOLS] = to_copy
        symbols[-SYMBOLS - 1] = MARKER
        targets[-SYMBOLS:] = to_copy
        return one_hot(symbols, self.input_size, dtype), targets

    def chance(self, seq_len: int, position: LossPosition | None = None) -> float:
        """10 ln 8/(T + 20) (nats): blanks cost nothing, each symbol ln 8; `last` is a symbol."""
        if position == "last":
            return math.log(ALPHABET)
        return SYMBOLS * math.log(ALPHABET) / self.length(seq_len)

    def asked(self, targets: Targets) -> Bool[Tensor, " batch"] | Bool[Tensor, "time batch"]:
        """The symbols, without the blanks, which need no memory."""
        return targets != BLANK

    def guess_accuracy(self, seq_len: int) -> float:
        """1/8 of the symbols."""
        return 1 / ALPHABET

    def dependency(self, seq_len: int) -> int:
        """T + 10: from each symbol to its copy."""
        return seq_len + SYMBOLS

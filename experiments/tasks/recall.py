"""What the copying problem and noiseless memorisation share: symbols, a long silence, and the same symbols again."""

import math
from typing import final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from experiments.tasks.classification import Classification, one_hot, spell_one_hot
from experiments.tasks.task import LossPosition, Targets

SYMBOLS = 10
"""How many symbols are to be repeated."""


class Recall(Classification):
    """Repeat ten symbols when the marker comes.

    Inputs, T + 20 timesteps, one-hot: 10 symbols of an alphabet, then blanks with one marker among them. Targets, one
    per timestep: T + 10 blanks, then the 10 symbols. The loss counts every timestep, even blanks. The accuracy counts
    only the 10 symbols, since (T + 10)/(T + 20) of the targets are blanks. `last` counts the last symbol.
    """

    default_loss_position: LossPosition = "every"
    alphabet: int
    """How many different symbols there are: 0, 1, …; the blank and the marker are the next two."""
    marker_ahead: int
    """Timesteps from the marker to the first symbol's repetition."""

    @final
    def length(self, seq_len: int) -> int:
        """T + 20: `seq_len` is the T of the literature, from the last symbol to the first repeated one."""
        return seq_len + 2 * SYMBOLS

    @final
    def sample(
        self, batch_size: int, seq_len: int, generator: torch.Generator, dtype: torch.dtype = torch.float32
    ) -> tuple[Float[Tensor, "time batch input"], Int[Tensor, "time batch"]]:
        """One-hot symbols, blanks and marker, and the class to answer at each timestep."""
        device = generator.device
        blank = self.alphabet
        to_repeat = torch.randint(0, self.alphabet, (SYMBOLS, batch_size), generator=generator, device=device)
        symbols = torch.full((self.length(seq_len), batch_size), blank, device=device)
        targets = symbols.clone()
        symbols[:SYMBOLS] = to_repeat
        symbols[-SYMBOLS - self.marker_ahead] = blank + 1
        targets[-SYMBOLS:] = to_repeat
        return one_hot(symbols, self.input_size, dtype), targets

    @final
    def symbols(self, inputs: Float[Tensor, "time input"]) -> list[str]:
        """The symbols' numbers, `_` for a blank, `?` for the marker."""
        return spell_one_hot(inputs, self.answer_word)

    @final
    def matters(self, inputs: Float[Tensor, "time input"]) -> Bool[Tensor, " time"]:
        """All but the blanks."""
        return inputs.argmax(-1) != self.alphabet

    @final
    def answer_word(self, answer: float) -> str:
        """The symbol's number, or a blank."""
        return {self.alphabet: "_", self.alphabet + 1: "?"}.get(int(answer), f"{answer:g}")

    @final
    def chance(self, seq_len: int, position: LossPosition | None = None) -> float:
        """10 ln A/(T + 20) (nats): blanks cost nothing, each of the A symbols ln A; `last` is a symbol."""
        if position == "last":
            return math.log(self.alphabet)
        return SYMBOLS * math.log(self.alphabet) / self.length(seq_len)

    @final
    def asked(self, targets: Targets) -> Bool[Tensor, " batch"] | Bool[Tensor, "time batch"]:
        """The symbols; a blank asks for nothing that must be remembered."""
        return targets != self.alphabet

    @final
    def guess_accuracy(self, seq_len: int) -> float:
        """1/A of the symbols."""
        return 1 / self.alphabet

    @final
    def dependency(self, seq_len: int) -> int:
        """T + 10: from each symbol to its repetition."""
        return seq_len + SYMBOLS

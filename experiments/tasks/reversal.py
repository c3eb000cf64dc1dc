"""Reversal: read a sequence of symbols, then write it backwards."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from experiments.tasks.classification import likeliest_word, one_hot, spell_one_hot
from experiments.tasks.even_classes import EvenClasses
from experiments.tasks.task import LossPosition

ALPHABET = 8
GO = 8
"""The word before the first: it asks for an answer."""


class Reversal(EvenClasses):
    """A source of T symbols, each one of 8, and the same symbols backwards as target: the smallest translation.

    Inputs, 2 T timesteps, one-hot, 9 channels: the source, then the words that a decoder reads: a go sign and all
    symbols of the target but the last (teacher forcing). Targets: the T symbols, at the last T timesteps. The symbols
    are independent, so that no word helps to guess the next.
    """

    name = "reversal"
    input_size = ALPHABET + 1
    output_size = ALPHABET
    default_loss_position: LossPosition = "every"
    asks = "every symbol of the target"

    def length(self, seq_len: int) -> int:
        """2 T: the source, then the target."""
        return 2 * seq_len

    def source(self, seq_len: int) -> int:
        """T."""
        return seq_len

    def sample(
        self, batch_size: int, seq_len: int, generator: torch.Generator, dtype: torch.dtype = torch.float32
    ) -> tuple[Float[Tensor, "time batch 9"], Int[Tensor, "target batch"]]:
        """One-hot source and words, and the symbol to say at each timestep of the target."""
        device = generator.device
        source = torch.randint(0, ALPHABET, (seq_len, batch_size), generator=generator, device=device)
        target = source.flip(0)
        go = torch.full((1, batch_size), GO, device=device)
        return one_hot(torch.cat([source, go, target[:-1]]), self.input_size, dtype), target

    def symbols(self, inputs: Float[Tensor, "time 9"]) -> list[str]:
        """Letters, and an arrow for the go sign."""
        return spell_one_hot(inputs, self.answer_word)

    def answer_word(self, answer: float) -> str:
        """The symbol's letter."""
        return "ABCDEFGH→"[int(answer)]

    def next_word(self, outputs: Float[Tensor, "batch 8"]) -> Float[Tensor, "batch 9"]:
        """The likeliest symbol, as the decoder reads it."""
        return likeliest_word(outputs, self.input_size)

"""Next character: read a text, and predict at each character which one follows."""

import math

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from experiments.config.words import visible
from experiments.tasks.classification import Classification, one_hot, spell_one_hot
from experiments.tasks.task import LossPosition
from experiments.tasks.text import Text

SIGNS = {" ": "␣", "\n": "⏎", "\t": "⇥"}
"""Character → what stands for it where it would not be seen."""


class NextCharacter(Classification):
    """The character after each character of a text (Elman 1990; Karpathy's char-rnn).

    One-hot characters of the text's vocabulary, V channels. The text is circular: its first character follows its
    last, so that a sequence of any length can start anywhere. Targets, one per timestep: the following character.
    """

    name = "next_character"
    default_loss_position: LossPosition = "every"
    asks = "every character in the loss"

    def __init__(self, text: Text) -> None:
        self.text = text
        self.input_size = self.output_size = len(text.vocabulary)
        self._codes = torch.from_numpy(codes(text))

    def sample(
        self, batch_size: int, seq_len: int, generator: torch.Generator, dtype: torch.dtype = torch.float32
    ) -> tuple[Float[Tensor, "time batch input"], Int[Tensor, "time batch"]]:
        """One-hot characters, and the index in the vocabulary of the one that follows each."""
        inputs, targets = self.read(self.draw_places(batch_size, generator), seq_len, dtype)
        return inputs.to(generator.device), targets.to(generator.device)

    def draw_places(self, batch_size: int, generator: torch.Generator) -> Int[Tensor, " batch"]:
        """Random places in the text."""
        N = len(self._codes)
        return torch.randint(0, N, (batch_size,), generator=generator, device=generator.device).cpu()

    def read(
        self, place: Int[Tensor, " batch"], seq_len: int, dtype: torch.dtype
    ) -> tuple[Float[Tensor, "time batch input"], Int[Tensor, "time batch"]]:
        """The passages from these places on, as `sample` gives them."""
        symbols = self._codes[(place + torch.arange(seq_len + 1).unsqueeze(1)) % len(self._codes)].long()
        return one_hot(symbols[:-1], self.input_size, dtype), symbols[1:]

    def symbols(self, inputs: Float[Tensor, "time input"]) -> list[str]:
        """The characters."""
        return spell_one_hot(inputs, self.answer_word)

    def answer_word(self, answer: float) -> str:
        """The character; a blank and the end of a line by a sign that can be seen."""
        return visible(SIGNS.get(self.text.vocabulary[int(answer)], self.text.vocabulary[int(answer)]))

    def chance(self, seq_len: int, position: LossPosition | None = None) -> float:
        """ln V (nats): all characters equally likely. A guess by their frequencies would be better."""
        return math.log(self.output_size)

    def guess_accuracy(self, seq_len: int) -> float:
        """Share of the text's most frequent character."""
        return float(np.bincount(self._codes.numpy()).max() / len(self._codes))


def codes(text: Text) -> Int[np.ndarray, " characters"]:
    """Each character's index in the vocabulary (int32)."""
    code_points = np.frombuffer(text.characters.encode("utf-32-le"), dtype=np.uint32)
    index = np.zeros(code_points.max() + 1, dtype=np.int32)
    index[[ord(character) for character in text.vocabulary]] = np.arange(len(text.vocabulary), dtype=np.int32)
    return index[code_points]

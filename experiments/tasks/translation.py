"""Translation: a number in English words, and the same number in French."""

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from experiments.tasks.classification import one_hot
from experiments.tasks.number_words import END, spell_numbers
from experiments.tasks.sentences import Sentences

GO, BLANK = "→", "_"


class Translation(Sentences):
    """ "two hundred and one" → "deux cent un .": numbers below 100 000 in words, spelled by the package `num2words`.

    The source has places for the T words of the longest number, 8 at most; numbers of more English words are left out,
    and blanks come before shorter ones, so that each ends right before the answer. With `reverse` its words stand
    backwards, so that the first ones are near their translation (Sutskever, Vinyals & Le 2014, §3.3).

    Inputs, one-hot: the source, then the words that a decoder reads: a go sign and all of the target but its last word
    (teacher forcing). Targets, at the last timesteps: the French words, then end signs. All numbers with at most T
    English words are equally likely.
    """

    name = "translation"
    asks = "the words of the translation and its end"

    def __init__(self, reverse: bool = False) -> None:
        self.reverse = reverse
        self._english, self._french = english, french = spell_numbers("en"), spell_numbers("fr")
        self._shortest_first = np.argsort(english.lengths, kind="stable")
        self._longest_so_far = np.maximum.accumulate(french.lengths[self._shortest_first])
        self.output_size = len(french.words)
        self.words = (*french.words, GO, BLANK, *english.words[:-1])
        self.input_size = len(self.words)
        self.end, self._go, self._blank = (self.words.index(sign) for sign in (END, GO, BLANK))

    def length(self, seq_len: int) -> int:
        """The source's words, then the target's."""
        return self.source(seq_len) + int(self._longest_so_far[len(self.numbers(seq_len)) - 1])

    def source(self, seq_len: int) -> int:
        """T, at most the 8 words of the longest number."""
        return min(seq_len, int(self._english.lengths.max()))

    def numbers(self, seq_len: int) -> Int[np.ndarray, " number"]:
        """All numbers that have at most T English words."""
        count = np.searchsorted(self._english.lengths, seq_len, side="right", sorter=self._shortest_first)
        return self._shortest_first[:count]

    def sample(
        self, batch_size: int, seq_len: int, generator: torch.Generator, dtype: torch.dtype = torch.float32
    ) -> tuple[Float[Tensor, "time batch input"], Int[Tensor, "target batch"]]:
        """One-hot source and words, and the word to say at each timestep of the target."""
        device, S = generator.device, self.source(seq_len)
        numbers = self.numbers(seq_len)
        drawn = torch.randint(0, len(numbers), (batch_size,), generator=generator, device=device)
        number = numbers[drawn.cpu().numpy()]
        target = self._french.spelled[number, : self.length(seq_len) - S]
        words = torch.from_numpy(self._place_sources(number, S).T.copy()).long().to(device)
        targets = torch.from_numpy(target.T.copy()).long().to(device)
        go = torch.full((1, batch_size), self._go, device=device)
        return one_hot(torch.cat([words, go, targets[:-1]]), self.input_size, dtype), targets

    def _place_sources(self, number: Int[np.ndarray, " batch"], places: int) -> Int[np.ndarray, "batch place"]:
        """The channel of each source's words, blanks first."""
        lengths = self._english.lengths[number, None]
        place = np.arange(places) - (places - lengths)  # of the word within its phrase; below 0 for a blank
        word = lengths - 1 - place if self.reverse else place
        spelled = np.take_along_axis(self._english.spelled[number], word.clip(0, lengths - 1), axis=1)
        return np.where(place < 0, self._blank, spelled + self._blank + 1)

    def matters(self, inputs: Float[Tensor, "time input"]) -> Bool[Tensor, " time"]:
        """All but the blanks."""
        return inputs.argmax(-1) != self._blank

    def shares(self, seq_len: int, asked: bool) -> Float[np.ndarray, "target word"]:
        """By counting over all numbers that occur."""
        places = self.length(seq_len) - self.source(seq_len)
        numbers = self.numbers(seq_len)
        spelled, lengths = self._french.spelled[numbers, :places], self._french.lengths[numbers]
        return np.stack([
            np.bincount(spelled[lengths >= t if asked else slice(None), t], minlength=self.output_size) / len(numbers)
            for t in range(places)
        ])  # fmt: skip

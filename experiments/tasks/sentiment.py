"""Sentiment: read a sentence of up to 60 words, and say at its end whether it speaks well or badly."""

from collections.abc import Iterator

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from experiments.tasks.classification import one_hot
from experiments.tasks.even_classes import EvenClasses
from experiments.tasks.rated_words import load_rated_words
from experiments.tasks.task import LossPosition

BLANK = "_"
LONGEST, SHORTEST = 60, 5
"""Words of a sentence, where there are so many timesteps."""
NOUNS = (
    "film", "story", "music", "actor", "hotel", "room", "city", "street", "dinner", "house", "garden", "letter",
    "morning", "evening", "window", "table",
)  # fmt: skip
PLACES = ("in", "near", "behind", "from")
NEGATIONS = ("not", "never", "seldom")
INTENSIFIERS = ("very", "extremely", "really", "quite", "slightly", "somewhat")
LINKS = ("and", "but")
NEUTRAL = 0.05
"""A score nearer to 0 is neither good nor bad, as the package's authors say; no such sentence is shown."""
DRAWS = 4 * LONGEST
"""Random numbers for one sentence, more than it needs."""


class Sentiment(EvenClasses):
    """Whether a sentence is good or bad, by the compound score of `vaderSentiment` (Hutto & Gilbert 2014).

    Inputs, T words, one-hot: blanks, then a sentence of 5 to 60 words, all lengths up to T equally likely. It consists
    of clauses such as "the story was not very wonderful in the garden", joined by "and" and at most one "but". The
    package turns a word's rating round after a negation, changes it after an intensifier, and halves it before "but"
    and raises it by half after. One target per sequence: 0 for bad, 1 for good, equally likely.
    """

    name = "sentiment"
    output_size = 2
    default_loss_position: LossPosition = "last"
    asks = "whether the sentence is good or bad, at its last word"

    def __init__(self) -> None:
        self._rated = load_rated_words()
        self.words = (BLANK, "the", "was", *NOUNS, *PLACES, *NEGATIONS, *INTENSIFIERS, *LINKS, *self._rated.words)
        """The word of each input channel."""
        self.input_size = len(self.words)
        self._channel = {word: number for number, word in enumerate(self.words)}

    def sample(
        self, batch_size: int, seq_len: int, generator: torch.Generator, dtype: torch.dtype = torch.float32
    ) -> tuple[Float[Tensor, "time batch input"], Int[Tensor, " batch"]]:
        """One-hot words, and which sentences are good."""
        device = generator.device
        good = torch.randint(0, 2, (batch_size,), generator=generator, device=device)
        words = torch.full((seq_len, batch_size), self._channel[BLANK])
        for b, wanted in enumerate(good.tolist()):
            sentence = self._draw_sentence(bool(wanted), seq_len, generator)
            words[seq_len - len(sentence) :, b] = torch.tensor([self._channel[word] for word in sentence])
        return one_hot(words.to(device), self.input_size, dtype), good

    def _draw_sentence(self, good: bool, places: int, generator: torch.Generator) -> list[str]:
        """A sentence with the wanted score: sentences are drawn until one has it."""
        while True:
            numbers = torch.rand(DRAWS, dtype=torch.float64, generator=generator, device=generator.device).tolist()
            sentence = self.compose(iter(numbers), min(places, LONGEST))
            score = self._rated.rate(" ".join(sentence))
            if abs(score) >= NEUTRAL and (score > 0) == good:
                return sentence

    def compose(self, numbers: Iterator[float], longest: int) -> list[str]:
        """A sentence of at most `longest` words, made of random numbers from 0 to 1.

        Clauses come as long as there is room; what room is left is filled by the nouns' places at the beginning.
        """

        def one_of(words: tuple[str, ...]) -> str:
            return words[int(next(numbers) * len(words))]

        def maybe(share: float, *words: str) -> list[str]:
            return [*words] if next(numbers) < share else []

        def clause() -> list[str]:
            opinion = [*maybe(1 / 3, one_of(NEGATIONS)), *maybe(1 / 3, one_of(INTENSIFIERS)), one_of(self._rated.words)]
            return ["the", one_of(NOUNS), "was", *opinion, *maybe(1 / 2, one_of(PLACES), "the", one_of(NOUNS))]

        shortest = min(SHORTEST, longest)
        size = shortest + int(next(numbers) * (longest - shortest + 1))
        sentence = clause()
        but = False
        while len(sentence) < size:
            link = "and" if but or next(numbers) < 2 / 3 else "but"
            more = [link, *clause()]
            if len(sentence) + len(more) > size:
                break
            but = but or link == "but"
            sentence += more
        if len(sentence) > size:  # of a few timesteps: the rated word alone, or with what stands before it
            sentence = ["the", one_of(NOUNS), "was", one_of(self._rated.words)][-size:]
        room = size - len(sentence)
        opening = [word for _ in range(-(-room // 3)) for word in (one_of(PLACES), "the", one_of(NOUNS))]
        return [*opening[len(opening) - room :], *sentence]

    def symbols(self, inputs: Float[Tensor, "time input"]) -> list[str]:
        """The words."""
        return [self.words[channel] for channel in inputs.argmax(-1).tolist()]

    def matters(self, inputs: Float[Tensor, "time input"]) -> Bool[Tensor, " time"]:
        """The rated words, and those that change a rating."""
        return inputs.argmax(-1) >= self._channel[NEGATIONS[0]]

    def answer_word(self, answer: float) -> str:
        """Whether it is good or bad."""
        return ("bad", "good")[int(answer)]

    def dependency(self, seq_len: int) -> int:
        """T − 1, at most 59: from the first word of the longest sentence to its last."""
        return min(seq_len, LONGEST) - 1

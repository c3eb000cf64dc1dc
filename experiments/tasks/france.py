"""France … French: a word at the beginning decides the last one, and many words lie between."""

import re
from collections import Counter
from functools import lru_cache

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from experiments.errors import ConfigError
from experiments.tasks.classification import one_hot, spell_one_hot
from experiments.tasks.even_classes import EvenClasses
from experiments.tasks.task import LossPosition
from experiments.tasks.text import help_topics

LANGUAGES = {
    "China": "Chinese", "Denmark": "Danish", "Finland": "Finnish", "France": "French", "Germany": "German",
    "Greece": "Greek", "Hungary": "Hungarian", "Iceland": "Icelandic", "Italy": "Italian", "Japan": "Japanese",
    "Korea": "Korean", "Norway": "Norwegian", "Poland": "Polish", "Portugal": "Portuguese", "Russia": "Russian",
    "Spain": "Spanish", "Sweden": "Swedish", "Turkey": "Turkish", "Ukraine": "Ukrainian", "Wales": "Welsh",
}  # fmt: skip
"""Country → the language that is spoken there."""
OPENING = ("I", "grew", "up", "in")
CLOSING = ("I", "speak", "fluent")
FILLERS = 100
"""Different words between the two sentences: the most frequent ones of Python's help topics."""


class France(EvenClasses):
    """ "I grew up in France … I speak fluent" asks for "French" (the example of Olah 2015, in many lectures since).

    Inputs, T + 8 words, one-hot: the opening, one country of 20, T filler words, the closing. The fillers are a passage
    of the topics that Python's `help()` shows, from a random place on, with all but their 100 most frequent words left
    out. One target per sequence, the language of the country, of 20 classes.
    """

    name = "france"
    output_size = len(LANGUAGES)
    default_loss_position: LossPosition = "last"
    asks = "the language at the last timestep"

    def __init__(self) -> None:
        fillers, self._passage = read_fillers()
        words = dict.fromkeys([*LANGUAGES, *OPENING, *CLOSING, *fillers])
        self.words = tuple(words)
        """The word of each input channel: the countries come first."""
        self.input_size = len(words)
        channel = {word: number for number, word in enumerate(words)}
        self._opening, self._closing, self._fillers = (
            torch.tensor([channel[word] for word in part]) for part in (OPENING, CLOSING, fillers)
        )

    def length(self, seq_len: int) -> int:
        """T + 8: `seq_len` is the number of filler words."""
        return len(OPENING) + 1 + seq_len + len(CLOSING)

    def sample(
        self, batch_size: int, seq_len: int, generator: torch.Generator, dtype: torch.dtype = torch.float32
    ) -> tuple[Float[Tensor, "time batch input"], Int[Tensor, " batch"]]:
        """One-hot words, and the country's language."""
        B, device = batch_size, generator.device
        country = torch.randint(0, len(LANGUAGES), (1, B), generator=generator, device=device)
        start = torch.randint(0, len(self._passage), (B,), generator=generator, device=device).cpu()
        place = (start + torch.arange(seq_len).unsqueeze(1)) % len(self._passage)
        fillers = self._fillers[self._passage[place]].to(device)
        opening, closing = (part.to(device).unsqueeze(1).expand(-1, B) for part in (self._opening, self._closing))
        words = torch.cat([opening, country, fillers, closing])
        return one_hot(words, self.input_size, dtype), country.squeeze(0)

    def symbols(self, inputs: Float[Tensor, "time input"]) -> list[str]:
        """The words."""
        return spell_one_hot(inputs, self.words.__getitem__)

    def matters(self, inputs: Float[Tensor, "time input"]) -> Bool[Tensor, " time"]:
        """The country."""
        return inputs.argmax(-1) < len(LANGUAGES)

    def answer_word(self, answer: float) -> str:
        """The language."""
        return [*LANGUAGES.values()][int(answer)]

    def dependency(self, seq_len: int) -> int:
        """T + 3: from the country to the last word."""
        return seq_len + len(CLOSING)


@lru_cache(maxsize=1)
def read_fillers() -> tuple[tuple[str, ...], Int[Tensor, " words"]]:
    """The most frequent words of Python's help topics, and the topics' words, in their order, by their numbers there.

    Words are in small letters; others than the most frequent are left out.

    Raises:
        ConfigError: this Python comes without its help topics.
    """
    topics = help_topics()
    if topics is None:
        raise ConfigError(
            "task was 'france', which needs Python's help topics, and this Python does not have them; choose "
            "another task."
        )
    words = re.findall(r"(?<![\w.])[a-z]{2,}(?![\w.(])", topics)
    fillers = tuple(word for word, _ in Counter(words).most_common(FILLERS))
    number = {word: index for index, word in enumerate(fillers)}
    return fillers, torch.tensor([number[word] for word in words if word in number])

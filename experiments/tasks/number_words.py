"""Numbers below 100 000 in English and French words, as `num2words` spells them."""

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Int

from experiments.errors import ConfigError

END = "."
"""What follows the last word, up to the end of the row."""
NUMBERS = 100_000


@dataclass(frozen=True)
class Phrases:
    """The words of each number in one language."""

    words: tuple[str, ...]
    """The different words there are, sorted; END is the last."""
    spelled: Int[np.ndarray, "number place"]
    """Each word's index in `words`, from the first place on, and END in all that are left (uint8)."""
    lengths: Int[np.ndarray, " number"]
    """Words of each number."""


@lru_cache(maxsize=2)
def spell_numbers(language: str) -> Phrases:
    """The words of 0 … 99 999 in English (`en`) or French (`fr`); hyphens and commas separate words too.

    The package spells 0 … 99, the hundreds and the thousands, about a millisecond each; larger numbers are put together
    from those by the rules of `join`.

    Raises:
        ConfigError: the package num2words is missing.
    """
    try:
        from num2words import num2words  # an extra of its own: only numbers in words need it
    except ImportError:
        raise ConfigError(
            "task was 'translation', which needs the package num2words; install it with `pip install num2words`."
        ) from None

    def spell(number: int) -> list[str]:
        return re.split(r"[\s,-]+", num2words(number, lang=language))

    small = [spell(number) for number in range(100)]
    hundreds = [spell(100 * number) for number in range(1, 10)]
    thousands = [spell(1000 * number) for number in range(1, 100)]
    rests = [*small, *(join(hundred, 100, rest, small[rest], language) for hundred in hundreds for rest in range(100))]
    phrases = [*rests, *(join(thousand, 1000, r, rests[r], language) for thousand in thousands for r in range(1000))]
    words = (*sorted({word for phrase in phrases for word in phrase}), END)
    index = {word: number for number, word in enumerate(words)}
    lengths = np.array([len(phrase) for phrase in phrases])
    spelled = np.full((NUMBERS, lengths.max()), len(words) - 1, dtype=np.uint8)
    spelled[np.arange(lengths.max()) < lengths[:, None]] = [index[word] for phrase in phrases for word in phrase]
    return Phrases(words, spelled, lengths)


def join(head: list[str], unit: int, rest: int, tail: list[str], language: str) -> list[str]:
    """The words of the hundreds or thousands, then those of the rest.

    English puts "and" before a rest below 100. French writes the plural "cents" only where nothing follows.
    """
    if rest == 0:
        return head
    if language == "en":
        return [*head, "and", *tail] if rest < 100 else [*head, *tail]
    return ["cent" if word == "cents" and unit == 100 else word for word in head] + tail

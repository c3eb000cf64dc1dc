"""English words that people rated, and the rating of a sentence, both of the package `vaderSentiment`."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from experiments.errors import ConfigError

RATED = 100
"""Good words, and as many bad ones."""
ADJECTIVE = re.compile(r"[a-z]+(ful|ous|ive|less|able)")
LEAST_RATING = 1.0
"""Smallest rating of a word, from 0 to 4, in either direction."""


@dataclass(frozen=True)
class RatedWords:
    """Words, and what the package says about a sentence of them."""

    words: tuple[str, ...]
    """The good ones, then the bad ones."""
    rate: Callable[[str], float]
    """The package's compound score of a sentence, −1 (bad) to 1 (good)."""


@lru_cache(maxsize=1)
def load_rated_words() -> RatedWords:
    """The adjectives on whose rating the package's ten people agreed most (Hutto & Gilbert 2014).

    An adjective is here a word that ends in -ful, -ous, -ive, -less or -able.

    Raises:
        ConfigError: the package vaderSentiment is missing.
    """
    try:
        from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer  # an extra: only this task needs it
    except ImportError:
        raise ConfigError(
            "task was 'sentiment', which needs the package vaderSentiment; install it with "
            "`pip install vaderSentiment`, or give data_file a CSV file of your own texts."
        ) from None
    analyzer = SentimentIntensityAnalyzer()
    lines = (line.split("\t") for line in analyzer.lexicon_full_filepath.splitlines())
    agreed = sorted((float(spread), word, float(mean)) for word, mean, spread, *_ in lines if ADJECTIVE.fullmatch(word))
    good = [word for _, word, mean in agreed if mean >= LEAST_RATING][:RATED]
    bad = [word for _, word, mean in agreed if mean <= -LEAST_RATING][:RATED]
    return RatedWords((*good, *bad), lambda sentence: analyzer.polarity_scores(sentence)["compound"])

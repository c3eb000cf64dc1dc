"""What a value may be that a browser sends, as a widget's, in a link or over a socket: each function takes any type.

A widget's limits bind only those who use the widget: Streamlit passes on whatever a message holds. Each function gives
the value as the page uses it, or raises a ValueError whose words say what is allowed.
"""

import math
import re
import reprlib
from collections.abc import Collection, Sequence
from typing import TypeAlias

from analysis.wording import significant
from experiments.config.words import cut

Value: TypeAlias = str | int | float | bool | list[str]
"""A setting's value as widgets, links and JSON have it."""

LONGEST_NUMBER = 40
"""Letters of a number. Python reads a longer text in a time that grows with its square."""
LONGEST_PATH = 4096

LONGEST_WORDS = 80
"""Letters of a value in a message."""

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 40
_SHORT.maxlevel = 2


def shorten_value(value: object) -> str:
    """A value of any type and size in a few letters."""
    return cut(_SHORT.repr(value), LONGEST_WORDS)


def read_word(given: object, allowed: Collection[str]) -> str:
    """One of the allowed words."""
    if not isinstance(given, str) or given not in allowed:
        raise ValueError(f"one of {', '.join(allowed)}")
    return given


def read_name(given: object, pattern: re.Pattern[str], words: str) -> str:
    """A name of that pattern, which the words describe; an empty text for none."""
    if not isinstance(given, str) or (given and not pattern.fullmatch(given)):
        raise ValueError(words)
    return given


def read_words(given: object, allowed: Collection[str]) -> list[str]:
    """Any of the allowed words, from a list or from a text with commas between them."""
    words = [word for word in given.split(",") if word] if isinstance(given, str) else given
    if not isinstance(words, list | tuple) or len(words) > len(allowed) or not _are_different(words, allowed):
        raise ValueError(f"some of {', '.join(allowed)}")
    return list(words)


def _are_different(words: Sequence[object], allowed: Collection[str]) -> bool:
    return all(isinstance(word, str) and word in allowed for word in words) and len(set(words)) == len(words)


def read_number(given: object, lowest: float, highest: float) -> float:
    """A finite number in a range, from a number or from a text."""
    value = _to_float(given)
    if not math.isfinite(value) or not lowest <= value <= highest:
        raise ValueError(f"a number from {significant(lowest)} to {significant(highest)}")
    return value


def read_whole_number(given: object, lowest: int, highest: int) -> int:
    """A whole number in a range, from a number or from a text."""
    value = _to_float(given)
    if not value.is_integer() or not lowest <= value <= highest:
        raise ValueError(f"a whole number from {lowest:,} to {highest:,}")
    return int(value)


def _to_float(given: object) -> float:
    """A number or a text that is one as a float; NaN for anything else."""
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        return math.nan
    if isinstance(given, str) and len(given) > LONGEST_NUMBER:
        return math.nan
    try:
        return float(given)
    except (ValueError, OverflowError):
        return math.nan


def read_number_list(given: object, lowest: float, highest: float, most: int) -> str:
    """Numbers in a range with commas between them, in one spelling; an empty text for none."""
    if not isinstance(given, str) or given.count(",") >= most:
        raise ValueError(f"a text of at most {most} numbers with commas between them")
    return ",".join(f"{read_number(part, lowest, highest):g}" for part in given.split(",")) if given else ""


def read_text(given: object, most: int) -> str:
    """Any text of at most so many letters."""
    if not isinstance(given, str) or len(given) > most:
        raise ValueError(f"a text of at most {most} letters")
    return given


def read_flag(given: object) -> bool:
    """True or false, from a text too."""
    if isinstance(given, bool):
        return given
    if not isinstance(given, str) or given.lower() not in ("true", "false"):
        raise ValueError("True or False")
    return given.lower() == "true"


def read_text_name(given: object, texts: Collection[str], opens_files: bool) -> str:
    """The name of one of these texts, or any path where this server opens files for its pages."""
    if opens_files and isinstance(given, str) and 0 < len(given) <= LONGEST_PATH and "\0" not in given:
        return given
    return read_word(given, texts)

"""What a value may be that a browser sends, as a widget's, in a link or over a socket: each check takes any type.

A widget's limits bind only those who use the widget: Streamlit passes on whatever a message holds. A check gives the
value as the page uses it, or raises a ValueError whose words say what is allowed.
"""

import math
import reprlib
from collections.abc import Callable, Sequence

Value = object
Check = Callable[[object], Value]

LONGEST_NUMBER = 40
"""Letters of a number; reading a longer text as one takes Python a time that grows with its square."""
LONGEST_PATH = 4096

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 40
_SHORT.maxlevel = 2


def in_short(value: object) -> str:
    """A value of any type and size in a few letters."""
    return _SHORT.repr(value)


def choice(*allowed: str) -> Check:
    """One of these words."""

    def check(given: object) -> Value:
        if not isinstance(given, str) or given not in allowed:
            raise ValueError(f"one of {', '.join(allowed)}")
        return given

    return check


def several(*allowed: str) -> Check:
    """Any of these words: a list of them, or a text with commas between them."""

    def check(given: object) -> Value:
        words = [word for word in given.split(",") if word] if isinstance(given, str) else given
        if not isinstance(words, list | tuple) or len(words) > len(allowed) or not are_different(words, allowed):
            raise ValueError(f"some of {', '.join(allowed)}")
        return list(words)

    return check


def are_different(words: Sequence[object], allowed: Sequence[str]) -> bool:
    """Whether all are allowed, and none is there twice."""
    return all(isinstance(word, str) and word in allowed for word in words) and len(set(words)) == len(words)


def number(lowest: float, highest: float, whole: bool = False) -> Check:
    """A finite number in a range, or a text that is one."""
    words = f"a {'whole ' if whole else ''}number from {lowest:g} to {highest:g}"

    def check(given: object) -> Value:
        if isinstance(given, bool) or not isinstance(given, int | float | str):
            raise ValueError(words)
        if isinstance(given, str) and len(given) > LONGEST_NUMBER:
            raise ValueError(words)
        try:
            value = float(given)
        except (ValueError, OverflowError):
            raise ValueError(words) from None
        if not math.isfinite(value) or not lowest <= value <= highest or (whole and value != int(value)):
            raise ValueError(words)
        return int(value) if whole else value

    return check


def numbers(lowest: float, highest: float, most: int) -> Check:
    """A text of numbers in a range with commas between them, in one spelling; an empty text for none."""
    one = number(lowest, highest)

    def check(given: object) -> Value:
        if not isinstance(given, str) or given.count(",") >= most:
            raise ValueError(f"a text of at most {most} numbers with commas between them")
        return ",".join(f"{one(part):g}" for part in given.split(",")) if given else ""

    return check


def flag(given: object) -> Value:
    """True or false, or a text that says so."""
    if isinstance(given, bool):
        return given
    if given not in ("True", "False"):
        raise ValueError("True or False")
    return given == "True"


def text_or_file(*texts: str, opens_files: Callable[[], bool]) -> Check:
    """One of these texts' names, or any path where this server opens files for its pages."""
    named = choice(*texts)

    def check(given: object) -> Value:
        if isinstance(given, str) and 0 < len(given) <= LONGEST_PATH and "\0" not in given and opens_files():
            return given
        return named(given)

    return check

"""`key=value` words and TOML files, as one dictionary of values."""

import re
import tomllib
from collections.abc import Sequence
from datetime import date, time
from pathlib import Path

from experiments.errors import ConfigError
from experiments.reading import read_bounded

LONGEST = 60
"""Most characters of a value in a message."""
LONGEST_PATH = 200
"""Most characters of a path in a message: all its parts are needed to find the file."""
LARGEST_BITS = 128
DEEPEST = 20
"""Most levels of nested tables and lists in a message."""
LARGEST_TOML = 2**22
"""Most bytes of a TOML file."""
INVISIBLE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
NONE = ("none", "null")
"""The values that clear an optional field; TOML itself has no word for this."""


def parse_words(words: Sequence[str]) -> dict[str, object]:
    """Field → value; later words win, and the values are not yet checked.

    A word is `key=value` or the path of a file that ends in .toml. A value is what TOML reads in it (`1e-3`, `true`,
    `"quoted"`), else the bare text; `none` or `null` is None.

    Raises:
        ConfigError: a word that is neither, or a TOML file that cannot be read, in one sentence.
    """
    values: dict[str, object] = {}
    for word in words:
        key, equals, text = word.partition("=")
        if equals and re.fullmatch(r"\s*[\w-]+\s*", key):
            values[key.strip()] = parse_value(text.strip())
        elif word.endswith(".toml"):
            values |= read_toml(Path(word))
        else:
            raise ConfigError(
                f"the word was {shortened(word)}; it must be key=value or the path of a .toml file, and no run is "
                "called so: `list` shows them."
            )
    return values


def parse_filter(words: Sequence[str]) -> dict[str, object]:
    """The same for the filter of `list`. A run's name stays text even if it looks like a number: 12345e678901.

    Raises:
        ConfigError: as for `parse_words`.
    """
    values = parse_words(words)
    for word in words:
        key, equals, text = word.partition("=")
        if equals and key.strip() == "name":
            value = parse_value(text.strip())
            values["name"] = value if isinstance(value, str) else text.strip()
    return values


def parse_value(text: str) -> object:
    """The value of a bare word: a number, truth value, quoted text or list as TOML reads it, else the text itself."""
    if text in NONE:
        return None
    try:
        parsed = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    # more than one key: the text had a line break and went on as TOML of its own
    return parsed["value"] if list(parsed) == ["value"] else text


def bare(value: object) -> str:
    """A value as it stands in a word `key=value`: `true`, `none`, text without quotes."""
    return value if isinstance(value, str) else spelt(value)


def spelt(value: object, deepest: int = DEEPEST) -> str:
    """A value as people write it, not as Python does: `true`, `none`, `2020-01-31`, 'text' in quotes.

    Lists and tables below `deepest` levels become `…`: an untrusted file, or `a.a.a…` in TOML, may be nested to any
    depth.
    """
    if value is None:
        return NONE[0]
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, date | time):  # a datetime is a date, too
        return value.isoformat()
    if isinstance(value, list | tuple | dict) and deepest == 0:
        return "…"
    if isinstance(value, list | tuple):
        return f"[{', '.join(spelt(v, deepest - 1) for v in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{spelt(k)}: {spelt(v, deepest - 1)}' for k, v in value.items())}}}"
    if isinstance(value, int) and value.bit_length() > LARGEST_BITS:
        return hex(value)  # Python writes no more than 4300 decimal digits
    return repr(value)


def shortened(value: object, longest: int = LONGEST) -> str:
    """A value for a message, without its middle if it is long; every message repeats values in this way."""
    return cut(spelt(value), longest)


def spelt_path(path: Path) -> str:
    """A path for a message."""
    return shortened(str(path), LONGEST_PATH)


def cut(text: str, longest: int = LONGEST) -> str:
    """A text, without its middle if it is long."""
    half = longest // 2
    return text if len(text) <= longest else f"{text[:half]}…{text[-half:]}"


def visible(text: str, form: str = r"\x{:02x}") -> str:
    r"""A text from a file, safe to print: characters that a terminal would obey become visible, an escape `\x1b`.

    These are all control characters (C0, C1, DEL) except line breaks, and those that change the direction of writing.
    """
    return INVISIBLE.sub(lambda found: form.format(ord(found[0])), text)


def toml_text(path: Path) -> str:
    """The text of a TOML file.

    Raises:
        ConfigError: it cannot be read, is no regular file, is too large, or is not UTF-8.
    """
    where = spelt_path(path)
    try:
        return read_bounded(path, LARGEST_TOML).decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise ConfigError(f"the file {where} is not UTF-8 at byte {error.start}; TOML must be.") from None
    except OSError as error:
        reason = (error.strerror or "no such file").lower()
        raise ConfigError(f"the file {where} cannot be read ({reason}); it must be a TOML file.") from None


def read_toml(path: Path) -> dict[str, object]:
    """The values in a TOML file; `"none"` and `"null"` become None.

    Raises:
        ConfigError: the file is missing or is not TOML; the message has the path, the reason and, if known, the line.
    """
    try:
        values = tomllib.loads(toml_text(path))
    except ConfigError:
        raise
    except (ValueError, RecursionError) as error:
        reason = cut(" ".join(str(error).split()), 2 * LONGEST)
        raise ConfigError(f"the file {spelt_path(path)} is not valid TOML: {reason}; correct it.") from None
    return {key: None if value in NONE else value for key, value in values.items()}

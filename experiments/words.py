"""`key=value` words and TOML files, as one dictionary of values."""

import re
import tomllib
from collections.abc import Sequence
from datetime import date, time
from pathlib import Path

from experiments.errors import ConfigError

NONE = ("none", "null")
"""The values that clear an optional field; TOML has no word of its own for it."""


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
            raise ConfigError(f"the word was {word!r}; it must be key=value or the path of a .toml file.")
    return values


def parse_value(text: str) -> object:
    """The value of a bare word: a number, truth value, quoted text or list as in TOML, else the text itself."""
    if text in NONE:
        return None
    try:
        parsed = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    # more than one key: the text had a line break and went on as TOML of its own
    return parsed["value"] if list(parsed) == ["value"] else text


def bare(value: object) -> str:
    """A value as a word has it: `true`, `none`, text without quotes."""
    return value if isinstance(value, str) else spelt(value)


def spelt(value: object) -> str:
    """A value as people write it, not as Python does: `true`, `none`, `2020-01-31`, 'text' in quotes."""
    if value is None:
        return NONE[0]
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, date | time):  # a datetime is a date, too
        return value.isoformat()
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(spelt, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{spelt(k)}: {spelt(v)}' for k, v in value.items())}}}"
    return repr(value)


def read_toml(path: Path) -> dict[str, object]:
    """The values in a TOML file, `"none"` and `"null"` as None.

    Raises:
        ConfigError: a file that is missing or no TOML, with the path, the reason and, where known, the line.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = (error.strerror or "no such file").lower()
        raise ConfigError(f"the file {str(path)!r} cannot be read ({reason}); it must be a TOML file.") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"the file {str(path)!r} is not UTF-8 at byte {error.start}; TOML must be.") from None
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"the file {str(path)!r} must be TOML and is not: {reason}.") from None
    return {key: None if value in NONE else value for key, value in values.items()}

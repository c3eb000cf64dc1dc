"""Texts to learn from: a word, the standard library's own documentation, or the user's file."""

import importlib
from dataclasses import dataclass
from pathlib import Path

from experiments.config.words import LONGEST_PATH, shortened
from experiments.errors import ConfigError
from experiments.reading import open_regular, size_of

LIMIT_MB = 64
ALLOWED = f"it must be hello, pydoc, or the path of a UTF-8 text file of at most {LIMIT_MB} MB"


class TextFileError(ConfigError):
    """A text that is not usable for training; the message is one sentence that names `text_file`."""


@dataclass(frozen=True)
class Text:
    """The characters of a text, and its vocabulary in the order of the network's channels."""

    characters: str
    vocabulary: str


def load_text(text_file: str) -> Text:
    """Load the text that `text_file` names.

    `hello` is that word, with the vocabulary h e l o. `pydoc` is the text of Python's `help()` topics
    (`pydoc_data.topics`), about 465 000 characters, slightly different in each Python version. Any other name is
    the path of a UTF-8 file. A vocabulary is sorted, except that of `hello`.

    Raises:
        TextFileError: the file is missing, unreadable, empty, huge, binary, no regular file, or repeats one character.
    """
    if text_file == "hello":
        return Text("hello", "helo")
    characters = help_topics() if text_file == "pydoc" else _read(text_file)
    if characters is None:
        raise _refused("pydoc", "which this Python does not have")
    vocabulary = "".join(sorted(set(characters)))
    if len(vocabulary) == 1:
        raise _refused(
            text_file, f"which repeats the one character {vocabulary!r}", "with at least two different characters"
        )
    return Text(characters, vocabulary)


def help_topics() -> str | None:
    """The topics that Python's `help()` shows, one after the other; None where this Python comes without them."""
    try:
        topics: dict[str, str] = importlib.import_module("pydoc_data.topics").topics
    except ImportError:
        return None
    return "".join(topics.values())


def _read(text_file: str) -> str:
    path = Path(text_file)
    try:
        if path.is_dir():
            raise _refused(text_file, "which is a directory")
        if not path.exists():
            raise _refused(text_file, "which does not exist")
        if not path.is_file():
            raise _refused(text_file, "which is not a regular file")
        with open_regular(path) as file:
            if size_of(file) > LIMIT_MB * 10**6:
                raise _refused(text_file, f"which is larger than {LIMIT_MB} MB")
            content = file.read(size_of(file))
    except OSError as error:
        raise _refused(text_file, f"which cannot be read ({error.strerror})") from None
    return _decode(text_file, content)


def _decode(text_file: str, content: bytes) -> str:
    if b"\0" in content:
        raise _refused(text_file, "which is binary (it has NUL bytes)")
    try:
        characters = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refused(text_file, f"which is not UTF-8 (at byte {error.start})") from None
    if not characters:
        raise _refused(text_file, "which is empty")
    return characters


def _refused(text_file: str, reason: str, demand: str = "") -> TextFileError:
    return TextFileError(
        f"text_file was {shortened(text_file, LONGEST_PATH)}, {reason}; {' '.join(filter(None, [ALLOWED, demand]))}."
    )

"""What people write about a run, in a small file in its folder: a name, a note, tags, a star."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated

import orjson
from pydantic import Field

from experiments.checked import STRICT, checked
from experiments.config.words import shortened, visible
from experiments.runs.store.errors import RunError
from experiments.runs.store.files import read_small, replace_quickly

ABOUT = "about.json"
LARGEST_ABOUT = 2**16
"""Most bytes of the file."""
LONGEST_NAME, LONGEST_NOTE, LONGEST_TAG, MOST_TAGS = 60, 4000, 30, 10
"""Most characters of a name, a note and a tag, and most tags."""

Name = Annotated[str, Field(max_length=LONGEST_NAME)]
Note = Annotated[str, Field(max_length=LONGEST_NOTE)]
Tag = Annotated[str, Field(min_length=1, max_length=LONGEST_TAG)]


@dataclass(frozen=True)
class About:
    """What people have written about a run. It may hold a stranger's text."""

    __pydantic_config__ = STRICT

    name: Name = ""
    note: Note = ""
    tags: Annotated[list[Tag], Field(max_length=MOST_TAGS)] = field(default_factory=list)
    star: bool = False


def read_about(folder: Path) -> About:
    """What is written about a run; nothing where the file is missing, not ours or damaged."""
    try:
        return checked(About, read_small(folder, ABOUT, LARGEST_ABOUT))
    except ValueError:
        return About()


def change_about(folder: Path, **changes: object) -> About:
    """Change some fields, keep the others, and return all.

    Raises:
        RunError: a value is not allowed, or the disk refuses.
    """
    try:
        about = checked(About, {**asdict(read_about(folder)), **changes})
    except ValueError as where:
        part = str(where).partition(".")[0]
        raise RunError(
            f"{part} was {shortened(visible(str(changes.get(part))))}; a name has up to {LONGEST_NAME} characters, a "
            f"note {LONGEST_NOTE:,}, and there are up to {MOST_TAGS} tags of up to {LONGEST_TAG}."
        ) from None
    try:
        replace_quickly(folder / ABOUT, orjson.dumps(asdict(about)))
    except OSError as error:
        reason = (error.strerror or "an unknown reason").lower()
        raise RunError(f"{ABOUT!r} of run {folder.name} cannot be written ({reason}).") from None
    return about


def split_tags(text: str) -> list[str]:
    """The tags of a text with commas between them, each once."""
    return list(dict.fromkeys(tag for part in text.split(",") if (tag := " ".join(part.split()))))

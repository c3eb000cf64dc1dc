"""`progress.json` says which data is committed. It is replaced as a whole, and readers see nothing else."""

import os
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import orjson
from pydantic import Field

from experiments.checked import STRICT, Clock, Count, Crc32, Scalar, Sentence, Step, Word, checked
from experiments.runs.store.chunks import read_json
from experiments.runs.store.errors import DamagedRunError, ForeignRunError
from experiments.runs.store.files import replace_all

FORMAT = 1
"""Version of the run folder's format; a larger number means that a newer program wrote it."""

PROGRESS = "progress.json"
Status = Literal["running", "paused", "finished", "interrupted", "failed"]
"""Written by the trainer. A reader also calls a run interrupted if it says running and nobody holds its lease."""


@dataclass(frozen=True)
class Committed:
    """The committed beginning of a growing file: its number of bytes and their CRC-32."""

    __pydantic_config__ = STRICT

    size: Count = 0
    """Bytes."""
    crc32: Crc32 = 0

    def and_then(self, more: bytes) -> "Committed":
        """The same with more bytes at the end."""
        return Committed(self.size + len(more), zlib.crc32(more, self.crc32))


@dataclass(frozen=True)
class Progress:
    """The state of a run folder at one moment."""

    __pydantic_config__ = STRICT

    run: Word
    step: Step = 0
    """Optimiser steps done."""
    committed: Step = 0
    """Recorded steps, which are complete rows of the arrays."""
    scalars: Committed = field(default_factory=Committed)
    events: Committed = field(default_factory=Committed)
    checkpoint: Word | None = None
    """The checkpoint's file in `checkpoints/`, taken after step `step`."""
    checkpoint_crc32: Crc32 = 0
    attempt: Count = 1
    """1 at first; each resume adds 1."""
    status: Status = "running"
    reason: Sentence = ""
    """Why it ended or paused: `steps`, `success`, `nonfinite`, `diverged`, `stopped`, or an error's sentence."""
    seconds: Clock = 0.0
    """Seconds of training steps, over all attempts."""
    updated: Clock = 0.0
    """Seconds since 1970."""
    latest: Annotated[Mapping[Word, Scalar], Field(max_length=64)] = field(default_factory=dict)
    """The last line of the scalars, and the last evaluation."""


def write_progress(folder: Path, progress: Progress) -> None:
    """Commit: replace `progress.json`."""
    body = asdict(progress)
    content = {"format": FORMAT, "check": check(body), **body}
    replace_all({folder / PROGRESS: orjson.dumps(content)}, folder)


def read_progress(folder: Path) -> Progress:
    """Read which data is committed now.

    Raises:
        DamagedRunError: the file is missing or damaged.
        ForeignRunError: the file has a newer format.
    """
    given = read_json(folder, PROGRESS)
    refuse_newer(folder, given.pop("format", None))
    try:
        if given.pop("check") != check(given):
            raise ValueError
    except (KeyError, TypeError, ValueError):
        raise DamagedRunError(
            f"{PROGRESS!r} in {str(folder)!r} is damaged: its checksum does not fit; restore it from a copy."
        ) from None
    try:
        progress = checked(Progress, given)
    except ValueError as field:
        raise ForeignRunError(
            f"{PROGRESS!r} in {str(folder)!r} is not as this program writes it: {field} is wrong."
        ) from None
    if progress.checkpoint is not None and os.path.basename(progress.checkpoint) != progress.checkpoint:  # noqa: PTH119
        raise ForeignRunError(f"{PROGRESS!r} in {str(folder)!r} names a checkpoint outside of the run folder.")
    return progress


def check(body: dict[str, object]) -> int:
    """CRC-32 of all other fields of the file."""
    return zlib.crc32(orjson.dumps(body, option=orjson.OPT_SORT_KEYS))


def refuse_newer(folder: Path, version: object) -> None:
    """Raise a ForeignRunError unless the version is known."""
    if type(version) is not int or version < 1:
        raise ForeignRunError(f"{str(folder)!r} is not a run folder of this program: it names no format.")
    if version > FORMAT:
        raise ForeignRunError(
            f"{str(folder)!r} was written by a newer version of this program (format {version}, this one knows "
            f"{FORMAT}); update the program to open it."
        )

"""Scalars and events as lines of JSON; Inf and NaN are text, since JSON cannot write them."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy import ndarray
from pydantic import ConfigDict

from experiments.checked import MOST_STEPS, STRICT, Clock, Count, Sentence, Step, Word, checked, is_scalar
from experiments.runs.store.errors import DamagedRunError
from experiments.runs.store.files import open_inside

SCALARS = "scalars.jsonl"
EVENTS = "events.jsonl"
BLOCK = 2**22
"""Bytes parsed at a time."""
LONGEST_LINE = 2**17
"""Bytes; none of ours comes near."""

Parse = Callable[[bytes], dict[str, Any] | None]
"""A line's values; None where it is not one that was written."""

SCALAR_NAMES = frozenset(
    ("step", "loss", "accuracy", "log_norm_before", "log_norm_after", "clipped", "learning_rate", "clip_threshold",
     "length", "penalty", "flossing", "update_size", "seconds", "evaluation_loss", "evaluation_accuracy")
)  # fmt: skip
"""The names that a line of an optimiser step may have."""
OWN_NAME = re.compile("[ -~]{1,60}")
"""The allowed names of a training's own numbers: printable ASCII."""
MOST_OWN_NAMES = 61
"""That, and the step."""
LONGEST_SEQUENCE = 10**6
"""Timesteps; more than a configuration allows."""


@dataclass(frozen=True)
class Event:
    """The fields of every event; some kinds have more fields, each a number or text."""

    __pydantic_config__ = ConfigDict({**STRICT, "extra": "ignore"})

    step: Step
    kind: Word
    text: Sentence
    attempt: Count
    time: Clock


def nonfinite_as_text(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values with `inf`, `-inf` and `nan` as text."""
    return {k: str(v) if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}


def encode_line(values: dict[str, object]) -> bytes:
    """One line."""
    return orjson.dumps(nonfinite_as_text(values)) + b"\n"


def parse_scalars(line: bytes) -> dict[str, Any] | None:
    """The numbers of an optimiser step, not by pydantic: there are millions of these lines."""
    values = parsed(line)
    if values is None or not values.keys() <= SCALAR_NAMES:
        return None
    length = values.get("length", 1)
    if type(length) is not int or not 1 <= length <= LONGEST_SEQUENCE:
        return None
    return values if all(map(is_scalar, values.values())) else None


def parse_own_scalars(line: bytes) -> dict[str, Any] | None:
    """The numbers that somebody's own training has noted of a step, by names of its own."""
    values = parsed(line)
    if values is None or len(values) > MOST_OWN_NAMES or not all(map(OWN_NAME.fullmatch, values)):
        return None
    return values if all(map(is_scalar, values.values())) else None


def parse_event(line: bytes) -> dict[str, Any] | None:
    """Something that happened."""
    try:
        checked(Event, line)
        values: dict[str, Any] = orjson.loads(line)
    except ValueError:
        return None
    return values if all(isinstance(v, str | int | float | None) for v in values.values()) else None


def parsed(line: bytes) -> dict[str, Any] | None:
    """An object that has its step, which every line of ours is."""
    try:
        values = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    step = values.get("step") if isinstance(values, dict) else None
    return values if type(step) is int and 0 <= step <= MOST_STEPS else None


def read_lines(folder: Path, name: str, start: int, end: int, parse: Parse = parsed) -> Iterator[list[dict[str, Any]]]:
    """The objects in the bytes from `start` to `end` of a file of lines, some thousand at a time.

    Yields every readable line of a damaged file, then raises DamagedRunError.

    Raises:
        DamagedRunError: the file is missing or shorter than `end`, or a line is not one that was written.
    """
    try:
        opened = open_inside(folder, name)
    except FileNotFoundError:
        raise DamagedRunError(f"{name!r} is missing in {str(folder)!r}.") from None
    with opened as file:
        file.seek(start)
        left, rest, place = end - start, b"", start
        bad: list[int] = []
        while left and len(rest) <= LONGEST_LINE and (block := file.read(min(BLOCK, left))):
            left -= len(block)
            *lines, rest = (rest + block).split(b"\n")
            whole = []
            for line in lines:
                values = parse(line)
                if values is None:
                    bad.append(place)
                else:
                    whole.append(values)
                place += len(line) + 1
            yield whole
    if left and len(rest) <= LONGEST_LINE:
        raise DamagedRunError(
            f"{name!r} in {str(folder)!r} has {end - left} of its {end} committed bytes: it was cut off."
        )
    if rest:
        bad.append(place)
    if bad:
        first = f"the line that begins at byte {bad[0]} was not written by this program"
        what = first if len(bad) == 1 else f"{first}, and it is the first of {len(bad)}"
        raise DamagedRunError(f"{name!r} in {str(folder)!r} is damaged: {what}.")


def as_columns(blocks: Iterator[list[dict[str, Any]]]) -> dict[str, ndarray]:
    """Name → values of every line, float64 (`step` and `length` int64); NaN where a line has none."""
    parts: list[dict[str, ndarray]] = []
    for lines in blocks:
        names = dict.fromkeys(name for line in lines for name in line)
        parts.append({name: np.array([number(line.get(name)) for line in lines]) for name in names})
        parts[-1][""] = np.zeros(len(lines))  # how many lines
    columns: dict[str, ndarray] = {}
    for name in dict.fromkeys(name for part in parts for name in part if name):
        values = [part.get(name, np.full(len(part[""]), np.nan)) for part in parts]
        columns[name] = np.concatenate(values).astype(np.int64 if name in ("step", "length") else np.float64)
    return columns


def number(value: object) -> float:
    """A line's value: a number, text such as `inf`; NaN for nothing, and for what is no number in a damaged line."""
    try:
        return math.nan if value is None else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return math.nan

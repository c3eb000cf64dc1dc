"""Scalars and events as lines of JSON; what is not finite is text, since JSON has no word for it."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import orjson
from numpy import ndarray

from experiments.store.errors import DamagedRunError
from experiments.store.files import inside

SCALARS = "scalars.jsonl"
EVENTS = "events.jsonl"
BLOCK = 2**22
"""Bytes parsed at a time."""


def plain(values: dict[str, object]) -> dict[str, object]:
    """The values with `inf`, `-inf` and `nan` as text."""
    return {k: str(v) if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}


def encode_line(values: dict[str, object]) -> bytes:
    """One line."""
    return orjson.dumps(plain(values)) + b"\n"


def read_lines(folder: Path, name: str, start: int, end: int) -> Iterator[list[dict[str, object]]]:
    """The objects in the bytes from `start` to `end` of a file of lines, some thousand at a time.

    What can be read of a damaged file is given first; then a DamagedRunError is raised.

    Raises:
        DamagedRunError: the file is missing or shorter than `end`, or a line is not one that was written.
    """
    try:
        path = inside(folder, name)
    except FileNotFoundError:
        raise DamagedRunError(f"{name!r} is missing in {str(folder)!r}.") from None
    with path.open("rb") as file:
        file.seek(start)
        left, rest, place = end - start, b"", start
        bad: list[int] = []
        while left and (block := file.read(min(BLOCK, left))):
            left -= len(block)
            *lines, rest = (rest + block).split(b"\n")
            whole = []
            for line in lines:
                values = parsed(line)
                if values is None:
                    bad.append(place)
                else:
                    whole.append(values)
                place += len(line) + 1
            yield whole
    if left:
        raise DamagedRunError(
            f"{name!r} in {str(folder)!r} has {end - left} of its {end} committed bytes: it was cut off."
        )
    if rest:
        bad.append(place)
    if bad:
        first = f"the line that begins at byte {bad[0]} is not one that was written"
        what = first if len(bad) == 1 else f"{first}, and it is the first of {len(bad)}"
        raise DamagedRunError(f"{name!r} in {str(folder)!r} is damaged: {what}.")


def parsed(line: bytes) -> dict[str, object] | None:
    """A line's values; None where it is not one that we write: each is an object that has its step."""
    try:
        values = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return values if isinstance(values, dict) and isinstance(values.get("step"), int) else None


def as_columns(blocks: Iterator[list[dict[str, object]]]) -> dict[str, ndarray]:
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

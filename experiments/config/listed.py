"""Fields that hold several values as one text: each list has one spelling, as equal settings are one run."""

import re
from collections.abc import Callable, Sequence

from models.cells.registry import CELLS

GATE_BLOCKS = tuple(
    dict.fromkeys(block for cell in CELLS.values() if cell.gate_names for block in cell.recurrent_blocks)
)
"""The square blocks of gated cells' recurrent matrices: the LSTM's, then the GRU's, then those of other cells."""

LARGEST_SINGULAR_VALUE = 100
MOST_LENGTHS, LONGEST_SEQUENCE = 8, 100_000


def as_text(value: object) -> object:
    """A number or a TOML list of numbers as the text that it stands for; anything else as it is."""
    if isinstance(value, list) and all(isinstance(v, int | float) for v in value):
        return ",".join(map(str, value))
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def spell_singular_values(text: str) -> str:
    """Singular values from 0 to 100.

    Raises:
        ValueError: other text, or other numbers.
    """
    numbers = [float(part) for part in text.split(",")]
    if not all(0 <= number <= LARGEST_SINGULAR_VALUE for number in numbers):
        raise ValueError("not from 0 to 100")
    return ",".join(repr(number + 0.0) for number in numbers)


def spell_gates(text: str, gates: Sequence[str]) -> str:
    """Some of the gates, in their order.

    Raises:
        ValueError: another name, or the same one twice.
    """
    named = text.split(",")
    if not set(named) <= set(gates) or len(set(named)) < len(named):
        raise ValueError("not a list of gates")
    return ",".join(gate for gate in gates if gate in named)


def spell_lengths(text: str) -> str:
    """Up to 8 lengths of sequences, each once.

    Raises:
        ValueError: something else.
    """
    parts = [part.strip() for part in text.split(",")]
    if len(parts) > MOST_LENGTHS or not all(re.fullmatch(r"[0-9]{1,6}", part) for part in parts):
        raise ValueError("not a list of lengths")
    lengths = dict.fromkeys(int(part) for part in parts)
    if not all(1 <= length <= LONGEST_SEQUENCE for length in lengths):
        raise ValueError("not from 1 to 100000")
    return ",".join(map(str, lengths))


def lengths_of(text: str | None) -> list[int]:
    """The lengths in such a text; none in no text."""
    return [int(part) for part in text.split(",")] if text else []


SPELLINGS: dict[str, Callable[[str], str]] = {
    "singular_values": spell_singular_values,
    "spectrum_blocks": lambda text: spell_gates(text, GATE_BLOCKS),
    "evaluate_at": spell_lengths,
    "device": lambda text: "cpu" if text.startswith("cpu:") else text,  # torch takes any number, and has one
}
"""Fields that can be written in several ways → their one spelling."""

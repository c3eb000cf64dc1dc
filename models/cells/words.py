"""A cell in words: its name, its colour, and the meaning of its gates. Needs no torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

Part = Literal["entry", "keep", "candidate", "exit"]
"""The part of a gate: it lets a value in, keeps the state, proposes a new value, or lets the state out."""


@dataclass(frozen=True)
class GateWords:
    """One gate in words."""

    name: str
    """The title above a chart, such as `forget gate f`."""
    part: Part
    """Gates of the same part are drawn in the same colour. A candidate is in −1 … 1, the others are in 0 … 1."""
    stuck: str | None = None
    """What happens while the gate is shut or keeps nothing, as the end of a sentence. None for a candidate."""


NO_GATES: Mapping[str, GateWords] = MappingProxyType({})


@dataclass(frozen=True)
class CellWords:
    """One cell in words."""

    label: str
    """Its name alone, such as `Elman`."""
    phrase: str
    """Its name in a sentence, such as `the Elman RNN`."""
    group: str
    """The heading under which lists show it."""
    colour: str
    """`#rrggbb`; people with any colour vision can tell it from every other cell's colour."""
    symbol: str
    """Plotly's name of its marker."""
    gates: Mapping[str, GateWords] = field(default_factory=lambda: NO_GATES)
    """Gate → its words."""
    no_spectrum: str = "This cell has no recurrent matrix, so it has no singular values or eigenvalues."
    """The sentence shown instead of a spectrum if the cell has no recurrent matrix."""

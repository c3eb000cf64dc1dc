"""What people read of a cell: its name, its colour, and what its gates mean. Needs no torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

Part = Literal["entry", "keep", "candidate", "exit"]
"""What a gate does: lets something in, keeps the state, proposes a new value, or lets something out."""


@dataclass(frozen=True)
class GateWords:
    """One gate in words."""

    name: str
    """As it stands above a chart, such as `forget gate f`."""
    part: Part
    """Gates of the same part are drawn in the same colour. A candidate is in −1 … 1, the others are in 0 … 1."""
    stuck: str | None = None
    """What happens while the gate lets nothing pass, or keeps nothing: the end of a sentence. None for a candidate."""


NO_GATES: Mapping[str, GateWords] = MappingProxyType({})


@dataclass(frozen=True)
class CellWords:
    """One cell in words."""

    label: str
    """Its name alone, such as `Elman`."""
    phrase: str
    """Its name in a sentence, such as `the Elman RNN`."""
    group: str
    """The heading below which lists show it."""
    colour: str
    """`#rrggbb`, told apart from every other cell's by people with any colour vision."""
    symbol: str
    """Plotly's name of its marker."""
    gates: Mapping[str, GateWords] = field(default_factory=lambda: NO_GATES)
    """Gate → its words."""
    no_spectrum: str = "This cell has no recurrent matrix, so it has no singular values or eigenvalues."
    """What is said instead of a spectrum where the cell has no recurrent matrix."""

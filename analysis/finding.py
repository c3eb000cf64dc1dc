"""A finding, what can be done about it, and what findings are about."""

from dataclasses import dataclass, field
from typing import Literal

from analysis.clipping import Clipping
from models.cells.cell import Cell
from models.recording.trace import Trace

Kind = Literal[
    "diverged",
    "vanishing",
    "exploding",
    "saturated_gates",
    "saturated_units",
    "saturated_cells",
    "dead_units",
    "idle_reverse",
    "clipping_always",
    "clipping_never",
    "at_chance",
    "short_truncation",
]
Severity = Literal["note", "warning", "severe"]


@dataclass(frozen=True, eq=False)
class Remedy:
    """Something to do about a finding."""

    words: str
    settings: dict[str, object] = field(default_factory=dict)
    """Configuration fields that do it; empty where no setting does."""


@dataclass(frozen=True, eq=False)
class Finding:
    """One thing that is wrong."""

    kind: Kind
    severity: Severity
    title: str
    evidence: str
    """The numbers in a sentence."""
    numbers: dict[str, float]
    """The same numbers by name."""
    remedies: tuple[Remedy, ...]
    """What may help, the most likely first; `settle` tries them."""
    settled: Remedy | None = None
    """The remedy that was tried and removes the finding, or words that say that no setting does; None if untried."""

    @property
    def remedy(self) -> str:
        """What to do about it, in words."""
        return (self.settled or self.remedies[0]).words

    @property
    def settings(self) -> dict[str, object]:
        """Configuration fields that apply the remedy; empty where no setting does."""
        return (self.settled or self.remedies[0]).settings


@dataclass(frozen=True, eq=False)
class Subject:
    """What a diagnosis looks at."""

    trace: Trace
    """The pass as it is trained."""
    transport: Trace
    """The same network with the loss at the last step only: how far a gradient travels. Where the loss sits at every
    step, fresh direct gradients hide in `trace` what has vanished."""
    dependency: int
    """Longest lag, in steps, that the task needs; of a watched module, that its sequences have."""
    loss: float | None
    """None for a watched module, which does not know it."""
    chance: float | None
    """What a guess that sees no input scores; None where no task is known."""
    trained_steps: int = 0
    clipping: Clipping | None = None

    @property
    def cell(self) -> Cell:
        """The cell, with its weights as they were."""
        return self.trace.top.cell

    @property
    def chooses_nonlinearity(self) -> bool:
        """Whether the cell's nonlinearity can be chosen."""
        return "nonlinearity" in self.cell.option_names

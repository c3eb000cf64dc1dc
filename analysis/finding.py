"""A finding, its remedies, and the subject of a diagnosis."""

from dataclasses import dataclass, field
from typing import Literal

from analysis.clipping import Clipping
from models.cells.cell import Cell
from models.recording.trace import Trace

Kind = Literal[
    "diverged",
    "no_gradient",
    "outside_bound",
    "vanishing",
    "exploding",
    "saturated_gates",
    "saturated_units",
    "saturated_cells",
    "dead_units",
    "idle_reverse",
    "clipped_hard",
    "clipping_always",
    "clipping_far",
    "at_chance",
    "short_truncation",
]
Severity = Literal["note", "warning", "severe"]


@dataclass(frozen=True, eq=False)
class Remedy:
    """One way to remove a finding."""

    words: str
    settings: dict[str, object] = field(default_factory=dict)
    """Configuration fields that apply it, with their values; empty if no setting does."""


@dataclass(frozen=True, eq=False)
class Finding:
    """One problem of a network."""

    kind: Kind
    severity: Severity
    title: str
    evidence: str
    """The numbers in a sentence."""
    numbers: dict[str, float]
    """The same numbers by name."""
    remedies: tuple[Remedy, ...]
    """Remedies that may help, the most likely first; `settle` tries them."""
    settled: Remedy | None = None
    """The remedy that was tried and removes the finding, or a sentence that no setting does; None if untried."""

    @property
    def remedy(self) -> str:
        """The remedy, in words."""
        return (self.settled or self.remedies[0]).words

    @property
    def settings(self) -> dict[str, object]:
        """Configuration fields that apply the remedy; empty if no setting does."""
        return (self.settled or self.remedies[0]).settings


@dataclass(frozen=True, eq=False)
class Subject:
    """The subject of a diagnosis."""

    trace: Trace
    """The recorded pass, with the loss of the training."""
    transport: Trace
    """The same network with the loss at the last step only: how far a gradient travels. With a loss at every step, new
    direct gradients hide in `trace` the gradient that has vanished."""
    dependency: int
    """Longest lag, in steps, that the task needs; for a watched module, the longest lag of its sequences."""
    loss: float | None
    """The loss; None for a watched module, which does not know its loss."""
    chance: float | None
    """The loss of a guess that sees no input; None if no task is known."""
    trained_steps: int = 0
    clipping: Clipping | None = None

    @property
    def cell(self) -> Cell:
        """The cell, with its weights as they were at the recorded pass."""
        return self.trace.top.cell

    @property
    def chooses_nonlinearity(self) -> bool:
        """Whether the cell has a choice of nonlinearities."""
        return "nonlinearity" in self.cell.option_names

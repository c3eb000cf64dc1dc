"""Gate statistics: saturation, means, and the time constants of the gate that keeps the past."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from models.cells.cell import Cell
from models.recording.layer_record import LayerStates

CLOSED, OPEN = 0.1, 0.9
"""Below or above these a gate is saturated (Karpathy, Johnson & Li 2015): its slope is below 36 % of the largest."""


@dataclass(frozen=True, eq=False)
class Gate:
    """One gate of one layer. All numbers are over time, batch and units."""

    mean: float
    closed: float
    """Fraction of values below .1 (of a candidate: below −.8)."""
    open: float
    """Fraction of values above .9 (of a candidate: above .8)."""

    @property
    def saturated(self) -> float:
        """Fraction of values that are closed or open."""
        return self.closed + self.open


@dataclass(frozen=True, eq=False)
class TimeConstants:
    """−1/ln f in steps, for a kept share f: after so many steps 1/e of the state is left. ∞ at f = 1, 0 at f = 0."""

    gate: str
    """`f` of an LSTM, `z` of a GRU."""
    overall: float
    of_unit: Float[ndarray, " unit"]
    """From the mean of ln f over time and batch, which is the rate at which the product of this unit's gates falls."""


@dataclass(frozen=True, eq=False)
class GateStatistics:
    """All gates of one layer and direction. Times are input positions."""

    gates: dict[str, Gate]
    """In torch's order; empty for a cell without gates."""
    time_constants: TimeConstants | None
    """None for a cell without a gate that keeps the past."""
    reason: str | None = None
    """Why there is nothing to measure, or why numbers are NaN, in a sentence; None otherwise."""


def gate_statistics(layer: LayerStates) -> GateStatistics:
    """Saturation, means and time constants of one layer's gates.

    Args:
        layer: a recorded layer.

    Example:
        >>> import torch
        >>> from models import SequenceModel, record
        >>> model = SequenceModel("lstm", input_size=1, hidden_size=4, output_size=1)
        >>> for parameter in model.parameters():
        ...     parameter.data = torch.zeros_like(parameter)
        >>> trace = record(model, torch.zeros(20, 2, 1), lambda outputs: outputs[-1].sum())
        >>> print(f"{gate_statistics(trace.top).gates['f'].mean:.2f}")  # σ(0)
        0.50
    """
    if not layer.gates:
        return GateStatistics({}, None, "This cell has no gates.")
    values = {name: x.detach().cpu().double().numpy() for name, x in layer.gates.items()}
    keep = layer.cell.keep_gate
    finite = all(np.isfinite(v).all() for v in values.values())
    within = np.True_ if layer.padding is None else ~layer.padding.cpu().numpy()[..., None]
    return GateStatistics(
        gates={name: gate(v, is_signed(layer.cell, name), within) for name, v in values.items()},
        time_constants=None if keep is None else time_constants(keep.gate, keep.share(values[keep.gate]), within),
        reason=None if finite else "The recorded pass diverged: some gates are not finite.",
    )


def is_signed(cell: Cell | type[Cell], name: str) -> bool:
    """Whether a gate is a candidate in −1 … 1. It is measured as (1 + g)/2, since tanh(a) = 2σ(2a) − 1."""
    return cell.words.gates[name].part == "candidate"


Within = Bool[ndarray, "time batch 1"] | np.bool
"""Which values are those of a sequence, and no padding."""


def gate(values: Float[ndarray, "time batch unit"], signed: bool = False, within: Within = np.True_) -> Gate:
    """Statistics of one gate's values in (0, 1), or in (−1, 1) if `signed`."""
    openness = (1 + values) / 2 if signed else values
    undefined = np.where(np.isnan(values), np.nan, 0)
    closed, opened = (openness < CLOSED) + undefined, (openness > OPEN) + undefined
    return Gate(
        mean=float(values.mean(where=within)),
        closed=float(closed.mean(where=within)),
        open=float(opened.mean(where=within)),
    )


def time_constants(name: str, values: Float[ndarray, "time batch unit"], within: Within = np.True_) -> TimeConstants:
    """−1 / (mean of ln f), over everything and of each unit."""
    with np.errstate(divide="ignore"):  # ln 0 → τ = 0, and 1/0 → ∞ for a gate of exactly 1
        log_f = np.log(values)  # at most 0
        return TimeConstants(
            gate=name,
            overall=float(1 / np.abs(log_f.mean(where=within))),
            of_unit=1 / np.abs(log_f.mean(axis=(0, 1), where=within)),
        )

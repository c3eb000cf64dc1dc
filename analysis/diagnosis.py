"""What is wrong with a gradient: findings, each with the numbers that it rests on and what to do about it."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch

from analysis.clipping import Clipping
from analysis.numbers import log_quantile
from analysis.wording import power_of_ten, significant
from models.trace import Trace

Kind = Literal[
    "diverged",
    "vanishing",
    "exploding",
    "saturated_gates",
    "saturated_units",
    "dead_units",
    "clipping_always",
    "clipping_never",
    "at_chance",
    "short_truncation",
]
Severity = Literal["note", "warning", "severe"]


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
    remedy: str
    settings: dict[str, object] = field(default_factory=dict)
    """Configuration fields that apply the remedy; empty where no setting does."""


@dataclass(frozen=True, eq=False)
class Subject:
    """What a diagnosis looks at."""

    cell: str
    nonlinearity: str
    trace: Trace
    """The pass as it is trained."""
    transport: Trace
    """The same network with the loss at the last step only: how far a gradient travels. Where the loss sits at every
    step, fresh direct gradients hide in `trace` what has vanished."""
    dependency: int
    """Longest lag, in steps, that the task needs."""
    loss: float
    chance: float
    trained_steps: int = 0
    clipping: Clipping | None = None


VANISHED, GONE = math.log(1e-3), math.log(1e-7)
"""Less than a thousandth of the gradient arriving is a warning, less than 1e-7 (float32's precision) severe."""

EXPLODED, OVERWHELMING = math.log(1e3), math.log(1e7)

MOSTLY = 0.8
"""The share of values from which on a gate or a unit counts as stuck."""

DEAD_SHARE = 0.2
"""The share of units without any gradient from which on it is a finding."""

ALWAYS, NEVER = math.log(10), -math.log(100)
"""Norm over threshold: clipped to less than a tenth, or a hundredth of what would be clipped."""


def diagnose(subject: Subject) -> list[Finding]:
    """All findings, the most severe first; an empty list for a healthy network."""
    found = [finding for check in CHECKS for finding in check(subject)]
    order = {"severe": 0, "warning": 1, "note": 2}
    return sorted(found, key=lambda finding: order[finding.severity])


def diverged(s: Subject) -> Iterator[Finding]:
    """Inf or NaN in the states, the loss or the gradients."""
    bad = ~s.trace.hidden.isfinite().all(dim=-1).all(dim=-1)
    states = int(bad.any(dim=0).sum())
    gradients = int((s.trace.log_norm.isnan() | s.trace.log_norm.isposinf()).sum())
    if not states and not gradients and math.isfinite(s.loss):
        return
    first = int(bad.any(dim=0).nonzero()[0]) + 1 if states else 0
    where = f"h_t is not finite from t = {first} on" if states else f"{gradients} gradients are not finite"
    yield Finding(
        "diverged",
        "severe",
        "The pass diverges",
        f"{where}; the loss is {significant(s.loss)}.",
        {"first_t": first, "timesteps": states, "gradients": gradients, "loss": s.loss},
        "Make the largest singular value smaller, or use a nonlinearity that is bounded (tanh).",
        {"largest_singular_value": 0.95, "nonlinearity": "tanh"},
    )


def travelled(s: Subject) -> tuple[float, float, int]:
    """ln of the last and the largest ‖dL/ds‖ over the lags that the task needs, relative to the loss; and that lag.

    s is the whole state, (h, c) for an LSTM: what dL/dh_t has lost, dL/dc_t may still carry.
    """
    top = s.transport.hidden.shape[0] - s.transport.num_directions
    log_norm = s.transport.log_norm[top]
    if s.transport.cell_log_norm is not None:
        log_norm = torch.logaddexp(2 * log_norm, 2 * s.transport.cell_log_norm[top]) / 2
    by_lag = log_quantile(log_norm.cpu().numpy(), 0.5)[::-1]
    lag = min(s.dependency, len(by_lag) - 1)
    with np.errstate(invalid="ignore"):  # −inf − −inf: no gradient at all is NaN, and no finding
        relative = by_lag[: lag + 1] - by_lag[0]
    finite = relative[np.isfinite(relative)]
    return float(relative[-1]), float(finite.max()) if finite.size else math.nan, lag


def vanishing(s: Subject) -> Iterator[Finding]:
    """Too little of the gradient arrives at the lag that the task needs."""
    arrives, _, lag = travelled(s)
    if not arrives < VANISHED:
        return
    T = s.trace.seq_len
    if s.cell == "elman":
        remedy, settings = (
            "Begin with an orthogonal recurrent matrix (all singular values 1) and small inputs, or take a gated cell.",
            {"initialisation": "orthogonal", "largest_singular_value": 1.0, "input_scale": 0.1},
        )
    else:
        gate, bias = (
            ("forget gate", "f") if s.cell == "lstm" else ("update gate", "z"),
            round(math.log(max(T - 1, 2)), 1),
        )
        remedy = f"Open the {gate[0]}: a bias of ln(T−1) = {bias} lets {gate[1]} keep the state for about T steps."
        settings = {"forget_bias": bias}
    yield Finding(
        "vanishing",
        "severe" if arrives < GONE else "warning",
        "The gradient vanishes",
        f"{power_of_ten(arrives / math.log(10))} of it arrives {lag} steps back, which is as far as the task reaches.",
        {"log_arrives": arrives, "lag": lag},
        remedy,
        settings,
    )


def exploding(s: Subject) -> Iterator[Finding]:
    """The gradient grows on its way back."""
    _, largest, lag = travelled(s)
    if not largest > EXPLODED:
        return
    yield Finding(
        "exploding",
        "severe" if largest > OVERWHELMING else "warning",
        "The gradient explodes",
        f"It grows to {power_of_ten(largest / math.log(10))} times its size at the loss within {lag} steps.",
        {"log_largest": largest, "lag": lag},
        "Clip the gradient's norm (it repairs the step, not the network), and make the largest singular value smaller.",
        {"clip_threshold": 1.0, "largest_singular_value": 1.0},
    )


def saturated_gates(s: Subject) -> Iterator[Finding]:
    """A gate that is shut nearly everywhere, so that nothing passes and its own gradient is gone."""
    shut_words: dict[tuple[str, str], tuple[str, dict[str, object]]] = {
        ("lstm", "i"): ("nothing new is written into the cell state", {"input_scale": 0.3}),
        ("lstm", "f"): ("the cell state is overwritten at every step", {"forget_bias": 1.0}),
        ("lstm", "o"): ("the cell state is hidden from the output", {"input_scale": 0.3}),
        ("gru", "r"): ("the candidate does not see the past", {"input_scale": 0.3}),
        ("gru", "z"): ("the state is overwritten at every step", {"forget_bias": 1.0}),
    }
    for gate, values in s.trace.gates.items():
        if (s.cell, gate) not in shut_words:
            continue
        if gate == "i":  # what comes in stays 1/(1−f) steps: an i near 0 beside an f near 1 (chrono) does write
            values = values / (1 - s.trace.gates["f"]).clamp(min=1e-12)
        shut = float((values < 0.1).double().mean())
        if shut > MOSTLY:
            meaning, settings = shut_words[s.cell, gate]
            yield Finding(
                "saturated_gates",
                "severe" if shut > 0.95 else "warning",
                f"Gate {gate} is shut",
                f"{shut:.0%} of its values are below 0.1, so {meaning}.",
                {"shut": shut, "mean": float(values.double().mean())},
                f"Raise the bias of gate {gate}, or make the weights and inputs that drive it smaller.",
                settings,
            )


def saturated_units(s: Subject) -> Iterator[Finding]:
    """Hidden values at the flat ends of tanh, where its slope is below 0.1."""
    values = s.trace.hidden if s.cell == "elman" else s.trace.gates.get("g", s.trace.gates.get("n"))
    if values is None or (s.cell == "elman" and s.nonlinearity != "tanh"):
        return
    flat = float((values.abs() > 0.95).double().mean())
    if flat > MOSTLY:
        yield Finding(
            "saturated_units",
            "severe" if flat > 0.95 else "warning",
            "tanh is saturated",
            f"{flat:.0%} of its values are beyond ±0.95, where the slope of tanh is below 0.1.",
            {"flat": flat},
            "Make the inputs or the recurrent weights smaller.",
            {"input_scale": 0.1, "largest_singular_value": 1.0},
        )


def dead_units(s: Subject) -> Iterator[Finding]:
    """Units whose activation never changes: they carry nothing, forwards or back."""
    hidden = s.trace.hidden
    if hidden.shape[1] * hidden.shape[2] < 2 or not bool(hidden.isfinite().all()):
        return
    spread = hidden.amax(dim=(1, 2)) - hidden.amin(dim=(1, 2))
    dead = float((spread == 0).double().mean())
    if dead > DEAD_SHARE:
        yield Finding(
            "dead_units",
            "severe" if dead > 0.5 else "warning",
            "Units are dead",
            f"{dead:.0%} of the units have the same value at every timestep of every sequence.",
            {"dead": dead},
            "Use tanh, or begin with the identity and zero biases (IRNN), where relu units start alive.",
            {"nonlinearity": "tanh"},
        )


def clipping_extremes(s: Subject) -> Iterator[Finding]:
    """A threshold that rules every step, or none."""
    c = s.clipping
    if c is None or c.threshold is None or not math.isfinite(c.log_norm_before):
        return
    over = c.log_norm_before - math.log(c.threshold)
    numbers = {"log_norm": c.log_norm_before, "threshold": c.threshold}
    norm = power_of_ten(c.log_norm_before / math.log(10))
    wanted = float(f"{math.exp(min(max(c.log_norm_before, -20.0), 20.0)):.1g}")
    if c.engaged and over > ALWAYS:
        yield Finding(
            "clipping_always",
            "warning",
            "Clipping rules every step",
            f"The norm is {norm}, {power_of_ten(over / math.log(10))} times the threshold {significant(c.threshold)}: "
            "the step has the threshold's size whatever the gradient says.",
            numbers,
            "Raise the threshold to the usual norm, or mend the explosion that it hides.",
            {"clip_threshold": wanted},
        )
    elif over < NEVER:
        yield Finding(
            "clipping_never",
            "note",
            "Clipping never engages",
            f"The norm is {norm}, the threshold {significant(c.threshold)}: a hundred times as much would pass.",
            numbers,
            "Nothing is wrong; a threshold near ten times the usual norm would catch an explosion earlier.",
            {"clip_threshold": 10 * wanted},
        )


def at_chance(s: Subject) -> Iterator[Finding]:
    """After training, no better than a guess that sees no input."""
    if s.trained_steps > 0 and s.loss > 0.98 * s.chance:
        yield Finding(
            "at_chance",
            "warning",
            "Nothing has been learned",
            f"After {s.trained_steps} steps the loss is {significant(s.loss)}; a guess scores {significant(s.chance)}.",
            {"loss": s.loss, "chance": s.chance, "steps": s.trained_steps},
            "Look at the gradient first: where it vanishes or explodes, more steps will not help.",
        )


def short_truncation(s: Subject) -> Iterator[Finding]:
    """Truncated BPTT with a window shorter than the task's dependency."""
    k = s.trace.truncate
    if k is not None and k <= s.dependency:
        yield Finding(
            "short_truncation",
            "severe",
            "The truncation is shorter than the task",
            f"The gradient stops after at most {k - 1} steps; the task needs one over {s.dependency}.",
            {"truncate": k, "dependency": s.dependency},
            "Truncate at more steps than the dependency has, or not at all.",
            {"truncate": None},
        )


CHECKS: tuple[Callable[[Subject], Iterator[Finding]], ...] = (
    diverged,
    vanishing,
    exploding,
    saturated_gates,
    saturated_units,
    dead_units,
    clipping_extremes,
    at_chance,
    short_truncation,
)

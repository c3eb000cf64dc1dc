"""Gates and units that are stuck, so that nothing passes: each a finding."""

from collections.abc import Iterator

from analysis.finding import Finding, Subject
from analysis.gates import CLOSED

MOSTLY = 0.8
"""The share of values from which on a gate or a unit counts as stuck."""

DEAD_SHARE = 0.2
"""The share of units without any gradient from which on it is a finding."""


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
        shut = float((values < CLOSED).double().mean())
        idle = shut
        if gate == "i":  # what comes in stays 1/(1−f) steps: an i near 0 beside an f near 1 (chrono) does write
            idle = float((values < CLOSED * (1 - s.trace.gates["f"])).double().mean())
        if idle > MOSTLY:
            meaning, settings = shut_words[s.cell, gate]
            yield Finding(
                "saturated_gates",
                "severe" if idle > 0.95 else "warning",
                f"Gate {gate} is shut",
                f"{shut:.0%} of its values are below {CLOSED}, so {meaning}.",
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
        remedy = "Make the biases and the inputs smaller: a saturated unit cannot change."
        settings: dict[str, object] = {}
        if s.cell == "elman" and s.nonlinearity == "relu":
            remedy = "Use tanh, or begin with the identity and zero biases (IRNN), where relu units start alive."
            settings = {"nonlinearity": "tanh"}
        yield Finding(
            "dead_units",
            "severe" if dead > 0.5 else "warning",
            "Units are dead",
            f"{dead:.0%} of the units have the same value at every timestep of every sequence.",
            {"dead": dead},
            remedy,
            settings,
        )

"""Findings about gates, units and directions that are stuck, so that no gradient passes."""

import math
from collections.abc import Iterator

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from analysis.finding import Finding, Remedy, Subject
from analysis.gates import CLOSED, OPEN
from analysis.numbers import all_finite
from analysis.wording import percent
from models.recording.trace import Trace

MOSTLY = 0.8
"""A gate or unit counts as stuck from this share of its values on."""

FLAT = 0.95
"""Beyond ± this value the slope of tanh is below 0.1."""

CALM: dict[str, object] = {"input_scale": 0.1, "largest_singular_value": 1.0}

DEAD_SHARE = 0.2
"""Units without any gradient are a finding from this share on."""


def within(trace: Trace, values: Float[Tensor, "layer time batch unit"]) -> Float[Tensor, "layer sample unit"]:
    """The values at every timestep of every sequence, without padding."""
    pad = trace.layers[0].padding
    return values.flatten(1, 2) if pad is None else values[:, ~pad]


def share(holds: Bool[Tensor, "*shape"]) -> float:
    """The share of the values for which something holds; NaN of none."""
    return int(holds.count_nonzero()) / holds.numel() if holds.numel() else math.nan


def saturated_gates(s: Subject) -> Iterator[Finding]:
    """A gate that is shut nearly everywhere: nothing passes, and the gate's own gradient has vanished."""
    keep = s.cell.keep_gate
    gates = {name: within(s.trace, gate) for name, gate in s.trace.gates.items()}
    for gate, values in gates.items():
        meaning = s.cell.words.gates[gate].stuck
        if meaning is None:
            continue
        keeps_shut = keep is not None and gate == keep.gate and not keep.when_open
        stuck = share((1 - values if keeps_shut else values) < CLOSED)
        idle = stuck
        if keep is not None and gate == keep.written_by:
            # What comes in stays 1/(1−f) steps: an i near 0 beside an f near 1 (chrono) does write.
            idle = share(values < CLOSED * (1 - keep.share(gates[keep.gate])))
        if idle > MOSTLY:
            is_keep = keep is not None and gate == keep.gate
            settings: dict[str, object] = {"forget_bias": 1.0} if is_keep else {"input_scale": 0.3}
            state, side, change = (
                ("open", f"above {OPEN}", "Lower") if keeps_shut else ("shut", f"below {CLOSED}", "Raise")
            )
            words = f"{change} the bias of gate {gate}, or make the weights and inputs that drive it smaller."
            yield Finding(
                "saturated_gates",
                "severe" if idle > 0.95 else "warning",
                f"Gate {gate} is {state}",
                f"{percent(stuck)} of its values are {side}, so {meaning}.",
                {"shut": stuck, "mean": float(values.double().mean())},
                (Remedy(words, settings), Remedy(words, {"forget_bias": 1.0, **CALM})),
            )


def saturated_units(s: Subject) -> Iterator[Finding]:
    """Hidden values at the flat ends of tanh, where its slope is below 0.1."""
    name = s.cell.tanh_values
    if name is None:
        return
    values = s.trace.hidden if name == "hidden" else s.trace.gates[name]
    flat = share(within(s.trace, values).abs() > FLAT)
    if flat > MOSTLY:
        yield Finding(
            "saturated_units",
            "severe" if flat > 0.95 else "warning",
            "tanh is saturated",
            f"{percent(flat)} of its values are beyond ±{FLAT}, where the slope of tanh is below 0.1.",
            {"flat": flat},
            (
                Remedy("Make the inputs and the recurrent weights smaller.", CALM),
                Remedy("Make the inputs and the recurrent weights much smaller.", {**CALM, "input_scale": 0.01}),
            ),
        )


def saturated_cells(s: Subject) -> Iterator[Finding]:
    """Cell states so large that tanh(c) is flat: h_t hardly depends on c_t, and dL/dh_t hardly reaches c_t."""
    if s.trace.cell_state is None:
        return
    flat = share(torch.tanh(within(s.trace, s.trace.cell_state)).abs() > FLAT)
    if flat > MOSTLY:
        calm = "Make the inputs and the recurrent weights smaller, so that the cell state grows less."
        close = "Close the forget gate a little (bias {}), so that the cell state does not add up for ever."
        yield Finding(
            "saturated_cells",
            "severe" if flat > 0.95 else "warning",
            "tanh(c) is saturated",
            f"{percent(flat)} of its values are beyond ±{FLAT}, where the slope of tanh is below 0.1.",
            {"flat": flat},
            (
                Remedy(calm, CALM),
                *(Remedy(close.format(bias), {"forget_bias": bias}) for bias in (3.0, 1.0)),
                Remedy(f"{close.format(1.0)} {calm}", {"forget_bias": 1.0, **CALM}),
            ),
        )


def dead_units(s: Subject) -> Iterator[Finding]:
    """Units whose activation never changes: they carry no information forwards and no gradient back."""
    hidden = within(s.trace, s.trace.hidden)
    if hidden.shape[1] < 2 or not all_finite(hidden):
        return
    spread = hidden.amax(dim=1) - hidden.amin(dim=1)
    dead = share(spread == 0)
    if dead > DEAD_SHARE:
        remedies = (Remedy("Make the biases and the inputs smaller: a saturated unit cannot change."),)
        if s.chooses_nonlinearity and not s.cell.is_bounded:
            remedies = (Remedy("Use tanh: its units never stop changing altogether.", {"nonlinearity": "tanh"}),)
        yield Finding(
            "dead_units",
            "severe" if dead > 0.5 else "warning",
            "Units are dead",
            f"{percent(dead)} of the units have the same value at every timestep of every sequence.",
            {"dead": dead},
            remedies,
        )


def idle_reverse(s: Subject) -> Iterator[Finding]:
    """A reverse direction with a gradient at one timestep only: the loss reads a state that has seen one input."""
    T = s.trace.seq_len
    if s.trace.num_directions < 2 or T < 2:
        return
    reached = (s.trace.log_norm[-1] > -torch.inf).any(dim=-1)
    if int(reached.sum()) == 1:
        t = int(reached.nonzero()[0]) + 1
        yield Finding(
            "idle_reverse",
            "warning",
            "The reverse direction is idle",
            f"It has a gradient at 1 of {T} timesteps, t = {t}: at that end it has read one input only.",
            {"t": t, "timesteps": T},
            (Remedy("Use one direction, or a loss that reads the reverse direction's other end.",
                    {"bidirectional": False}),),
        )  # fmt: skip

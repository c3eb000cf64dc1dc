"""Diagnose a gradient: findings, each with its evidence in numbers and its remedies."""

import math
from collections.abc import Callable, Iterator

from analysis.bounds import outside_bound
from analysis.course import GONE, OVERWHELMING, Course, begin_sentence, describe_change
from analysis.finding import Finding, Remedy, Subject
from analysis.numbers import all_finite
from analysis.stuck import dead_units, idle_reverse, saturated_cells, saturated_gates, saturated_units
from analysis.training_findings import clipping_extremes, short_truncation, trained_loss
from analysis.transport import broken_gradients, has_diverged, transport_course
from analysis.wording import are, counted, significant
from models.cells.cell import KeepGate

ORTHOGONAL: dict[str, object] = {
    "initialisation": "orthogonal",
    "spectrum_shape": "kept",
    "singular_values": None,
    "spectrum_blocks": None,
    "largest_singular_value": 1.0,
}
"""Settings of a recurrent matrix whose singular values are all 1."""


def diagnose(subject: Subject) -> list[Finding]:
    """All findings, the most severe first; an empty list for a healthy network.

    Args:
        subject: a recorded pass, and what its task asks of the gradient.

    Example:
        >>> import torch
        >>> from models import SequenceModel, record
        >>> model = SequenceModel("elman", input_size=1, hidden_size=4, output_size=1, nonlinearity="identity")
        >>> model.recurrent.weight_hh_l0.data = 0.5 * torch.eye(4)
        >>> trace = record(model, torch.ones(50, 2, 1), lambda outputs: outputs[-1].sum())
        >>> subject = Subject(trace, transport=trace, dependency=49, loss=None, chance=None)
        >>> [finding.title for finding in diagnose(subject)]
        ['The gradient vanishes']
    """
    found = [finding for check in CHECKS for finding in check(subject)]
    order = {"severe": 0, "warning": 1, "note": 2}
    return sorted(found, key=lambda finding: order[finding.severity])


def diverged(s: Subject) -> Iterator[Finding]:
    """Inf or NaN in the states, the loss or the gradients."""
    if not has_diverged(s):
        return
    bad = ~s.trace.hidden.isfinite().all(dim=-1).all(dim=-1).all(dim=0)
    gradients = broken_gradients(s.trace)
    first = int(bad.nonzero()[0]) + 1 if bad.any() else 0
    numbers: dict[str, float] = {"first_t": first, "timesteps": int(bad.sum()), "gradients": gradients}
    loss = "" if s.loss is None else f"; the loss is {significant(s.loss)}"
    if s.loss is not None:
        numbers["loss"] = s.loss
    if first:
        for_good = bool(bad[first - 1 :].all())
        where = "h_t is not finite " + (f"from t = {first} on" if for_good else f"at t = {first}")
    elif gradients:
        where = f"{counted(gradients, 'gradient')} of a state {are(gradients)} not finite"
    else:
        where = "All states and their gradients are finite"
    remedies = bounding(s)
    if first and (t := first_broken_input(s)) is not None and t <= first:
        where += f"; Inf or NaN came in with the inputs at t = {t}"
        remedies = (Remedy("Look at the inputs: a state cannot recover from Inf or NaN."),)
    elif has_broken_weights(s):
        where += "; a weight is Inf or NaN"
        remedies = (Remedy("Go back to weights that are finite, and look at the update that broke them."),)
    elif not first and s.loss is None and sends_broken(s):
        where += "; the loss has sent Inf or NaN back, while all states are finite"
        remedies = (Remedy("Look between this layer and the loss: at the loss itself, a division by 0, a log of 0."),)
    yield Finding(
        "diverged",
        "severe",
        "The pass diverges",
        f"{where}{loss}.",
        numbers,
        remedies,
    )


def first_broken_input(s: Subject) -> int | None:
    """The first timestep t at which an input of the lowest layer is not finite; None if all are finite."""
    lowest = s.trace.layers[0]
    broken = ~lowest.inputs.isfinite().all(dim=-1)
    if lowest.padding is not None:
        broken &= ~lowest.padding
    at = broken.any(dim=-1).nonzero()
    return int(at[0]) + 1 if len(at) else None


def has_broken_weights(s: Subject) -> bool:
    """Whether a weight of a layer is not finite."""
    return not all(all_finite(weight) for layer in s.trace.layers for weight in layer.cell.weights.values())


def sends_broken(s: Subject) -> bool:
    """Whether a direct gradient, which the loss sends to a state, is not finite."""
    parts = [x.parts[0] for layer in s.trace.layers for x in layer.direct]
    return not all(all_finite(part) for part in parts)


def bounding(s: Subject) -> tuple[Remedy, ...]:
    """Remedies that keep a diverging pass bounded."""
    if s.chooses_nonlinearity and not s.cell.is_bounded:
        bounded = "Make the largest singular value smaller, and use a nonlinearity that is bounded (tanh)."
        return (
            Remedy("Make the largest singular value smaller.", {"largest_singular_value": 1.0}),
            Remedy(bounded, {"largest_singular_value": 1.0, "nonlinearity": "tanh"}),
            Remedy(bounded, {**ORTHOGONAL, "nonlinearity": "tanh", "input_scale": 1.0}),
        )
    words = "The states are bounded here: make the weights smaller."
    return (
        Remedy(words, {"input_scale": 1.0}),
        Remedy(words, {**ORTHOGONAL, "input_scale": 1.0}),
    )


def no_gradient(s: Subject) -> Iterator[Finding]:
    """The gradient is zero everywhere: nothing that this layer does reaches the loss."""
    c = transport_course(s)
    if c.kind != "zero":
        return
    between = (
        "Look between this layer and the loss: at rectified units that are all off, at a tensor that was detached, at "
        "a weight or a mask of zero."
    )
    yield Finding(
        "no_gradient",
        "severe",
        "No gradient arrives",
        f"{begin_sentence(c)}.",
        {"timesteps": s.trace.seq_len},
        (Remedy(between),),
    )


def vanishing(s: Subject) -> Iterator[Finding]:
    """Too little of the gradient arrives at the lag that the task needs."""
    c = transport_course(s)
    if c.kind != "vanishes":
        return
    yield Finding(
        "vanishing",
        "severe" if c.log_left < GONE else "warning",
        f"{begin_title(s)} {c.verb}",
        f"{evidence_of(c)}. {describe_reach(s, c.lag)}",
        {"log_arrives": c.log_left, "lag": c.lag},
        (
            *((UNCUT,) if c.ends else ()),
            *(keeping_ungated(s) if s.cell.keep_gate is None else keeping_gated(s, s.cell.keep_gate)),
        ),
    )


UNCUT = Remedy("Truncate after more steps than the task reaches back, or do not truncate.", {"truncate": None})


def begin_title(s: Subject) -> str:
    """Name the gradient: if every step has a loss, the title is about the last loss's gradient."""
    return "The gradient" if s.transport is s.trace else "The gradient of the last loss"


def describe_reach(s: Subject, lag: int) -> str:
    """How far back the gradient must come, in a sentence."""
    return f"{'The sequence' if s.chance is None else 'The task'} goes back over {counted(lag, 'step')}."


def evidence_of(c: Course) -> str:
    """How much of the gradient is left, or how much it has grown; names the gradient if it is not the profile's."""
    change = f"It is {describe_change(c)}"
    return f"{change}, measured over h and c" if c.of.endswith("(h, c)") else change


def keeping_ungated(s: Subject) -> tuple[Remedy, ...]:
    """Remedies that keep the gradient of a cell without a keep gate."""
    begin = "Begin with an orthogonal recurrent matrix (all singular values 1)"
    uncut: dict[str, object] = {"truncate": None} if s.trace.truncate is not None else {}
    calm = {**ORTHOGONAL, "input_scale": 0.1, **uncut}
    tame = Remedy(f"{begin} and small inputs, or use a gated cell.", calm)
    if not s.chooses_nonlinearity:
        return (tame,)
    linear = f"{begin}, small inputs and no nonlinearity, or use a gated cell."
    return tame, Remedy(linear, {**calm, "nonlinearity": "identity"})


def keeping_gated(s: Subject, keep: KeepGate) -> tuple[Remedy, ...]:
    """Remedies that keep the gradient of a gated cell: its gate keeps the state for about T steps."""
    T = s.trace.seq_len
    gate, letter = s.cell.words.gates[keep.gate].name.split(" ")[0], keep.gate
    open_it, sign = ("Open", "") if keep.when_open else ("Shut", "−")
    bias = round(math.log(max(T - 1, 1)), 1)
    uncut: dict[str, object] = {"truncate": None} if s.trace.truncate is not None else {}
    opened = f"{open_it} the {gate} gate: a bias of {sign}ln(T−1) = {sign}{bias} "
    opened += f"lets {letter} keep the state for about T steps."
    calm = {**ORTHOGONAL, "initialisation": "default", "largest_singular_value": 0.5, "input_scale": 0.1, **uncut}
    wider, wide = round(bias + 2, 1), "wide" if keep.when_open else "tight"
    return (
        Remedy(opened, {"forget_bias": bias, **uncut}),
        Remedy(f"{opened} Make the recurrent weights and the inputs smaller, too.", {"forget_bias": bias, **calm}),
        Remedy(
            f"{open_it} the {gate} gate {wide}, by a bias of {sign}{wider}, and make the recurrent weights and the "
            "inputs smaller.",
            {"forget_bias": wider, **calm},
        ),
    )


def exploding(s: Subject) -> Iterator[Finding]:
    """The gradient grows on its way back."""
    c = transport_course(s)
    if c.kind != "explodes":
        return
    smaller = "Make the largest singular value smaller. Clipping repairs the step only, not the network."
    orthogonal = "Begin with an orthogonal recurrent matrix. Clipping repairs the step only, not the network."
    yield Finding(
        "exploding",
        "severe" if c.log_growth > OVERWHELMING else "warning",
        f"{begin_title(s)} explodes",
        f"{evidence_of(c)}. {describe_reach(s, c.lag)}",
        {"log_largest": c.log_growth, "lag": c.lag},
        (
            Remedy(smaller, {"largest_singular_value": 1.0}),
            Remedy(orthogonal, ORTHOGONAL),
            Remedy(smaller, {"largest_singular_value": 0.5}),
        ),
    )


CHECKS: tuple[Callable[[Subject], Iterator[Finding]], ...] = (
    diverged,
    no_gradient,
    outside_bound,
    vanishing,
    exploding,
    saturated_gates,
    saturated_units,
    saturated_cells,
    dead_units,
    idle_reverse,
    clipping_extremes,
    trained_loss,
    short_truncation,
)

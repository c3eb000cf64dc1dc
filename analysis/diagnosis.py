"""What is wrong with a gradient: findings, each with the numbers that it rests on and what to do about it."""

import math
from collections.abc import Callable, Iterator

import numpy as np
import torch

from analysis.finding import Finding, Subject
from analysis.numbers import log_quantile
from analysis.stuck import dead_units, saturated_gates, saturated_units
from analysis.training_findings import at_chance, clipping_extremes, short_truncation
from analysis.wording import are, counted, power_of_ten, significant

VANISHED, GONE = math.log(1e-3), math.log(1e-7)
"""Less than a thousandth of the gradient arriving is a warning, less than 1e-7 (float32's precision) severe."""

EXPLODED, OVERWHELMING = math.log(1e3), math.log(1e7)


def diagnose(subject: Subject) -> list[Finding]:
    """All findings, the most severe first; an empty list for a healthy network."""
    found = [finding for check in CHECKS for finding in check(subject)]
    order = {"severe": 0, "warning": 1, "note": 2}
    return sorted(found, key=lambda finding: order[finding.severity])


def diverged(s: Subject) -> Iterator[Finding]:
    """Inf or NaN in the states, the loss or the gradients."""
    bad = ~s.trace.hidden.isfinite().all(dim=-1).all(dim=-1).all(dim=0)
    gradients = int((s.trace.log_norm.isnan() | s.trace.log_norm.isposinf()).sum())
    if not bad.any() and not gradients and math.isfinite(s.loss):
        return
    first = int(bad.nonzero()[0]) + 1 if bad.any() else 0
    numbers = {"first_t": first, "timesteps": int(bad.sum()), "gradients": gradients, "loss": s.loss}
    if first:
        for_good = bool(bad[first - 1 :].all())
        where = "h_t is not finite " + (f"from t = {first} on" if for_good else f"at t = {first}")
    elif gradients:
        where = f"{counted(gradients, 'gradient')} of a state {are(gradients)} not finite"
    else:
        where = "All states and their gradients are finite"
    yield Finding(
        "diverged",
        "severe",
        "The pass diverges",
        f"{where}; the loss is {significant(s.loss)}.",
        numbers,
        *bounded(s),
    )


def bounded(s: Subject) -> tuple[str, dict[str, object]]:
    """How a diverged pass is kept in bounds."""
    if s.cell == "elman" and s.nonlinearity != "tanh":
        return (
            "Make the largest singular value smaller, or use a nonlinearity that is bounded (tanh).",
            {"largest_singular_value": 0.95, "nonlinearity": "tanh"},
        )
    return "The states are bounded here: make the inputs' weights smaller.", {"input_scale": 1.0}


def travelled(s: Subject) -> tuple[float, float, int]:
    """ln of the last and the largest ‖dL/ds‖ over the lags that the task needs, relative to the loss; and that lag.

    s is the whole state, (h, c) for an LSTM: what dL/dh_t has lost, dL/dc_t may still carry.
    """
    top = s.transport.top
    log_norm = top.log_norm
    if top.cell_log_norm is not None:
        log_norm = torch.logaddexp(2 * log_norm, 2 * top.cell_log_norm) / 2
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
            round(math.log(max(T - 1, 1)), 1),
        )
        remedy = f"Open the {gate[0]}: a bias of ln(T−1) = {bias} lets {gate[1]} keep the state for about T steps."
        settings = {"forget_bias": bias}
    yield Finding(
        "vanishing",
        "severe" if arrives < GONE else "warning",
        "The gradient vanishes",
        f"{power_of_ten(arrives / math.log(10))} of {'it' if s.transport is s.trace else 'what the last loss sends'} "
        f"arrives {counted(lag, 'step')} back, which is as far as the task reaches.",
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
        f"It grows to {power_of_ten(largest / math.log(10))} times its size at the loss within {counted(lag, 'step')}.",
        {"log_largest": largest, "lag": lag},
        "Clip the gradient's norm (it repairs the step, not the network), and make the largest singular value smaller.",
        {"clip_threshold": 1.0, "largest_singular_value": 1.0},
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

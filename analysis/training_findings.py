"""Findings about a network's training: clipping, truncation, and nothing learned."""

import math
from collections.abc import Iterator

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from analysis.finding import Finding, Remedy, Subject
from analysis.wording import counted, percent, power_of_ten, significant

ALWAYS, NEVER = math.log(10), -math.log(100)
"""ln(norm ÷ threshold): clipping leaves less than a tenth, or the norm is a hundredth of the threshold."""
ONE_PASS = " One pass of an untrained network does not say what its training will meet."
FEWEST_STEPS, NEARLY_ALL = 20, 0.95
"""Steps, and the share of them, from which on a whole training is said to be clipped."""


def clipping_extremes(s: Subject) -> Iterator[Finding]:
    """A threshold that leaves little of this one gradient, or that is far from it; `often_clipped` is about many."""
    c = s.clipping
    if c is None or c.threshold is None or not math.isfinite(c.log_norm_before):
        return
    lost = c.log_norm_before - c.log_norm_after
    compared = 2 * c.log_norm_before if c.rule == "squared_norm" else c.log_norm_before
    numbers = {"log_norm": c.log_norm_before, "log_norm_after": c.log_norm_after, "threshold": c.threshold}
    norm, after = (power_of_ten(log / math.log(10)) for log in (c.log_norm_before, c.log_norm_after))
    # What the rules `value` and `per_parameter` compare with the threshold is smaller than the norm of all.
    settings: dict[str, object] = {"clip_threshold": raised_exp(compared)} if c.rule in ("norm", "squared_norm") else {}
    if c.engaged and lost > ALWAYS:
        yield Finding(
            "clipped_hard",
            "warning" if s.trained_steps else "note",
            "This step is clipped hard",
            f"The norm is {norm} before clipping and {after} after it: the threshold {significant(c.threshold)} alone "
            f"decides how long this step is.{'' if s.trained_steps else ONE_PASS}",
            numbers,
            (
                Remedy(
                    "Raise the threshold to the usual size of the norm. If the gradient explodes, mend that first.",
                    settings,
                ),
            ),
        )
    elif not c.engaged and compared - math.log(c.threshold) < NEVER:
        yield Finding(
            "clipping_far",
            "note",
            "The clip threshold is far away",
            f"The norm is {norm}, the threshold {significant(c.threshold)}: even a norm a hundred times as large would "
            f"not be clipped.{'' if s.trained_steps else ONE_PASS}",
            numbers,
            (
                Remedy(
                    "This does no harm; a threshold near ten times the usual norm would catch an explosion earlier.",
                    {"clip_threshold": rounded_exp(compared + math.log(100 if c.rule == "squared_norm" else 10))},
                ),
            ),
        )


def often_clipped(log_before: Float[ndarray, " step"], log_after: Float[ndarray, " step"]) -> Iterator[Finding]:
    """Nearly every step of a training was clipped to less than a tenth; unknown norms (NaN) do not count.

    Args:
        log_before: ln of the gradient's norm before clipping (nats), one per optimiser step.
        log_after: the same after clipping.
    """
    known = np.isfinite(log_before) & np.isfinite(log_after)
    lost = log_before[known] - log_after[known]
    if len(lost) < FEWEST_STEPS or (share := float((lost > ALWAYS).mean())) < NEARLY_ALL:
        return
    typical = power_of_ten(float(np.median(lost)) / math.log(10))
    yield Finding(
        "clipping_always",
        "warning",
        "Every step is clipped" if share == 1 else "Nearly every step is clipped",
        f"{percent(share)} of {len(lost):,} steps kept less than a tenth of their gradient; the norm was typically "
        f"{typical} times the threshold.",
        {"share": share, "steps": len(lost), "log_excess": float(np.median(lost))},
        (Remedy("Raise the threshold to the usual size of the norm. If the gradient explodes, mend that first."),),
    )


def rounded_exp(log: float) -> float:
    """e^log with one digit, within what a float holds."""
    return float(f"{math.exp(min(max(log, -690.0), 690.0)):.1g}")


def raised_exp(log: float) -> float:
    """The next number of one digit above e^log, within what a float holds."""
    value = math.exp(min(max(log, -690.0), 690.0))
    digit = 10.0 ** math.floor(math.log10(value))
    return float(f"{math.ceil(value / digit) * digit:.1g}")


LEARNED = 0.98
"""Share of a guess's loss: with a loss above it, nothing was learned."""
WORSE = 1.2
"""Times a guess's loss: above it, a network does worse than a guess that sees no input."""
LOST = 1e6
"""Times a guess's loss: with a larger loss, even a finite one, the training has diverged."""


def has_lost(loss: float, chance: float) -> bool:
    """Whether a trained network's loss has diverged: it is not finite, or a million times a guess's loss."""
    return not loss <= LOST * chance


def has_learned(loss: float, chance: float) -> bool:
    """Whether a trained network is better than a guess that sees no input."""
    return loss <= LEARNED * chance


def trained_loss(s: Subject) -> Iterator[Finding]:
    """The loss after training shows that nothing was learned, or that the training has diverged."""
    if s.trained_steps > 0 and s.loss is not None and s.chance is not None:
        yield from judge_loss(s.loss, s.chance, s.trained_steps)


def judge_loss(loss: float, chance: float, steps: int) -> Iterator[Finding]:
    """Compare the loss after `steps` of training with the loss of a guess that sees no input."""
    is_number = not math.isnan(loss)
    begin = f"After {counted(steps, 'step')} the batch has the loss {significant(loss)}"
    evidence = f"{begin}; a guess scores {significant(chance)}." if is_number else f"Inf or NaN at step {steps:,}."
    numbers = {"loss": loss, "chance": chance, "steps": steps}
    if has_lost(loss, chance):
        smaller = Remedy("Train with a smaller learning rate, and clip the gradient's norm.")
        yield Finding("diverged", "severe", "The training has diverged", evidence, numbers, (smaller,))
    elif not has_learned(loss, chance):
        look = Remedy("Look at the gradient first: if it vanishes or explodes, more steps will not help.")
        if loss > WORSE * chance:
            look = Remedy("The steps are too long: lower the learning rate.")
        yield Finding("at_chance", "warning", "Nothing has been learned", evidence, numbers, (look,))


def short_truncation(s: Subject) -> Iterator[Finding]:
    """Truncated BPTT with a window shorter than the task's dependency."""
    k = s.trace.truncate
    if k is not None and k <= s.dependency:
        yield Finding(
            "short_truncation",
            "severe",
            "The truncation is shorter than the task",
            f"The gradient stops after at most {counted(k - 1, 'step')}; the task needs a gradient over "
            f"{counted(s.dependency, 'step')}.",
            {"truncate": k, "dependency": s.dependency},
            (Remedy("Truncate after more steps than the task reaches back, or do not truncate.", {"truncate": None}),),
        )

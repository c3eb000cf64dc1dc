"""What is wrong with how a network is trained: clipping, truncation, and nothing learned."""

import math
from collections.abc import Iterator

from analysis.finding import Finding, Subject
from analysis.wording import power_of_ten, significant

ALWAYS, NEVER = math.log(10), -math.log(100)
"""Norm over threshold: clipped to less than a tenth, or a hundredth of what would be clipped."""


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

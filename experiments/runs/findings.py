"""Findings about a whole run: nothing was learned, a loss diverged though it is finite, every step was clipped."""

import math

import numpy as np

from analysis.finding import Finding
from analysis.training_findings import judge_loss, often_clipped
from experiments.runs.store.progress import Progress
from experiments.runs.store.reader import RunReader


def last_loss(progress: Progress) -> float | None:
    """The loss of the last evaluation, or of the last batch if there was no evaluation."""
    loss = progress.latest.get("evaluation_loss", progress.latest.get("loss"))
    return None if loss is None else float(str(loss))


def run_findings(run: RunReader) -> list[Finding]:
    """What its end and all its steps say; nothing of the end while it trains, or if it solved its task.

    Raises:
        DamagedRunError: its scalars are damaged.
    """
    scalars = run.scalars()
    with np.errstate(divide="ignore", invalid="ignore"):
        before = scalars.get("log_norm_before", np.log(scalars.get("grad_norm", np.full(1, math.nan))))
        after = scalars.get("log_norm_after", np.minimum(before, np.log(scalars.get("clip", np.full(1, math.nan)))))
    return [*ended_findings(run.progress, run.chance), *often_clipped(before, after)]


def ended_findings(progress: Progress, chance: float) -> list[Finding]:
    """Findings about the end of a run, from its progress and a guess's loss."""
    loss = math.nan if progress.reason == "nonfinite" else last_loss(progress)
    if loss is None or progress.reason not in ("steps", "diverged", "nonfinite"):
        return []
    return list(judge_loss(loss, chance, progress.step))

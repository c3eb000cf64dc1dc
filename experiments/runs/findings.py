"""Findings about the end of a run: nothing was learned, or a loss diverged though it is finite."""

from analysis.finding import Finding
from analysis.training_findings import judge_loss
from experiments.runs.store.progress import Progress
from experiments.runs.store.reader import RunReader


def last_loss(progress: Progress) -> float | None:
    """The loss of the last evaluation, or of the last batch if there was no evaluation."""
    loss = progress.latest.get("evaluation_loss", progress.latest.get("loss"))
    return None if loss is None else float(str(loss))


def run_findings(run: RunReader) -> list[Finding]:
    """Findings about a run that took all its steps; none while it trains, or if it solved its task."""
    return ended_findings(run.progress, run.chance)


def ended_findings(progress: Progress, chance: float) -> list[Finding]:
    """The same, from a run's progress and a guess's loss."""
    loss = last_loss(progress)
    if loss is None or progress.reason not in ("steps", "diverged"):
        return []
    return list(judge_loss(loss, chance, progress.step))

"""Whether a recorded run has learned, from its scalars."""

import math
from dataclasses import replace

import numpy as np
from numpy import ndarray

from analysis.learned import COMPARED, FEWEST, Learned, TrainingScalars, compare_with_guess, learned, shows_in_answers
from analysis.training_findings import has_lost
from analysis.wording import percent
from experiments.runs.findings import run_findings
from experiments.runs.folder import RunSummary
from experiments.runs.store.reader import RunReader


def run_learned(run: RunReader) -> Learned:
    """What a run has come to; of a watched training, from the loss that it has logged.

    Raises:
        DamagedRunError: its scalars are damaged.
    """
    scalars = run.scalars()
    step = scalars.get("step", np.zeros(0)).astype(int)
    unknown = np.full(len(step), np.nan)

    def column(*names: str) -> ndarray:
        return next((scalars[name] for name in names if name in scalars), unknown)

    with np.errstate(divide="ignore", invalid="ignore"):
        norm = column("log_norm_before") if not run.form.watched else np.log(column("grad_norm"))
    evaluated = column("evaluation_accuracy")
    known = evaluated[np.isfinite(evaluated)]  # the answers of the network in use
    losses = column("evaluation_loss")
    losses = losses[np.isfinite(losses)]
    course = TrainingScalars(
        step,
        column("loss"),
        np.full(len(step), known[-1]) if known.size else column("accuracy"),
        norm,
        column("learning_rate"),
        column("clip_threshold", "clip"),
        run.chance,
        float(losses[-1]) if losses.size else math.nan,
    )
    if run.form.watched and np.isnan(course.loss).all():
        return Learned("begun", "no loss was logged")
    found = learned(course, run.progress.step if run.progress.reason == "success" else None)
    if found.outcome in ("at_chance", "worse") and run.progress.reason == "steps":
        found_of_run = run_findings(run)
        if found.outcome == "worse":  # where steps are too long, a higher threshold would make them longer
            found_of_run = [finding for finding in found_of_run if finding.kind != "clipping_always"]
        return replace(found, why=" ".join(finding.remedy for finding in found_of_run))
    return found


def describe_summary(summary: RunSummary) -> str:
    """In a few words what a run in the list has come to, from its last numbers alone; empty where none are known."""
    loss = summary.latest.get("evaluation_loss", summary.latest.get("loss"))
    if summary.reason == "success":
        return f"solved at step {summary.step:,}"
    if loss is None or math.isnan(summary.chance):
        return ""
    if summary.reason in ("diverged", "nonfinite") or has_lost(float(str(loss)), summary.chance):
        return "diverged"
    if summary.step < FEWEST:
        return ""
    outcome = compare_with_guess(float(str(loss)), summary.chance)
    accuracy = summary.latest.get("evaluation_accuracy", summary.latest.get("accuracy"))
    share = math.nan if accuracy is None else float(str(accuracy))
    shows = shows_in_answers(float(str(loss)), summary.chance, share)
    return f"{COMPARED[outcome]}: {percent(share)} right" if shows else COMPARED[outcome]

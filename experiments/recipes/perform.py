"""Bring recipes to their end: their runs as one sweep, then their numbers."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from analysis.wording import counted
from experiments.recipes.outcome import Outcome, outcome_of
from experiments.recipes.recipe import Recipe
from experiments.recipes.runs import plan_of_recipes
from experiments.sweeps.folder import SweepFolder
from experiments.sweeps.index import load_results
from experiments.sweeps.plan import Plan


@dataclass(frozen=True)
class Workers:
    """Where the runs are computed."""

    count: int | None
    scheduler: str | None
    memory: str


def perform(
    recipes: Sequence[Recipe], name: str, runs: Path, workers: Workers, retry: bool, console: Console, command: str
) -> tuple[list[Outcome], bool]:
    """Run all unfinished runs, then compute every outcome. Returns them, and whether somebody asked to stop.

    Args:
        recipes: what to run.
        name: of their sweep.
        runs: the folder of runs.
        workers: where they are computed.
        retry: whether to run failed runs again.
        console: for the progress.
        command: what continues them.

    Raises:
        ConfigError, RunError: see `run_sweep` and `outcome_of`.
    """
    plan = plan_of_recipes([recipe for recipe in recipes if recipe.arms], name)
    stopped = False
    if plan.runs:
        stopped = train(plan, runs, workers, retry, console, command)
    outcomes = []
    for recipe in recipes if not stopped else ():
        console.print(f"{recipe.name}: computing its numbers", highlight=False)
        outcomes.append(outcome_of(recipe, runs))
    return outcomes, stopped


def train(plan: Plan, runs: Path, workers: Workers, retry: bool, console: Console, command: str) -> bool:
    """Run the unfinished runs of a plan; whether somebody asked to stop."""
    folder = SweepFolder(runs.absolute(), plan.name)
    results = load_results(folder, plan)
    left = [run for run, done in zip(plan.runs, results.done, strict=True) if not done]
    if not left:
        console.print(f"all of the {counted(len(plan.runs), 'run')} have finished earlier", highlight=False)
        return False
    from experiments.sweeps.estimate import estimate  # here: Dask and a timed step take seconds
    from experiments.sweeps.start import start

    count = workers.count or os.cpu_count() or 1
    cost = estimate(results, left, count)
    console.print(
        f"{counted(len(left), 'run')} of {len(plan.runs)} left: {cost.in_words(plan.kind, count)}, "
        f"judging by {cost.basis}",
        highlight=False,
    )
    report, ending = start(plan, folder, count, workers.scheduler, workers.memory, retry, console, command)
    console.print(ending, highlight=False)
    return report.stopped

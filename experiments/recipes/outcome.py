"""What came out of a recipe: its numbers for each seed, the verdict, pictures, and examples."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from analysis.figures.picture import Picture
from analysis.figures.theme import CELL_COLOURS, OTHER_COLOURS, cell_colour
from analysis.figures.training import Lane, loss_picture
from analysis.wording import exact_percent, significant
from experiments.probing.answers import can_write, write_text
from experiments.probing.probe import Probe
from experiments.recipes.drawing import drawn
from experiments.recipes.example_pictures import example_pictures
from experiments.recipes.examples import Example, examples_of
from experiments.recipes.expectation import Judged, Values, Verdict, decide, judge
from experiments.recipes.measured import answer, numbers_of, trained
from experiments.recipes.measurements import MEASUREMENTS
from experiments.recipes.recipe import Recipe
from experiments.recipes.spectra import spectra_picture
from experiments.runs.opening import open_run
from experiments.runs.pictures import DASHES, join, lane
from experiments.runs.store.reader import RunReader
from experiments.training.build import build
from experiments.training.training import Training

WRITTEN, TEMPERATURE = 300, 0.7
"""Characters that a network writes, and the temperature of their draws."""


@dataclass(frozen=True, eq=False)
class Shown:
    """Some outputs of one arm's network, that of seed 0."""

    label: str
    """The arm, as pages name it."""
    examples: list[Example]
    wrong: float
    """Share of the fresh sequences with at least one wrong answer."""
    sample: str | None
    """Text that the network has written itself."""
    pictures: list[Picture]
    """Some of the answers, drawn."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """A recipe and what came out."""

    recipe: Recipe
    judged: tuple[Judged, ...]
    pictures: tuple[Picture, ...]
    shown: tuple[Shown, ...]
    runs: tuple[str, ...]
    """Names of the finished runs."""
    missing: int
    """How many runs have not finished."""
    seconds: float
    """Seconds of training steps in these runs, all together."""

    @property
    def verdict(self) -> Verdict:
        """The verdict by the recipe's rule."""
        return "not finished" if self.missing else decide(self.judged)


def outcome_of(recipe: Recipe, runs: Path) -> Outcome:
    """What came out of a recipe, from its measurement or its finished runs.

    Raises:
        RunError: a run is damaged.
    """
    if recipe.measure is not None:
        values, pictures = MEASUREMENTS[recipe.measure](recipe.seeds, recipe.quick)
        return Outcome(recipe, tuple(judge(e, values) for e in recipe.expectations), tuple(pictures), (), (), 0, 0.0)
    return outcome_of_runs(recipe, runs)


def outcome_of_runs(recipe: Recipe, runs: Path) -> Outcome:
    """The outcome of a recipe that trains."""
    found = {(arm, seed): finished(recipe, runs, arm, seed) for arm in recipe.arms for seed in range(recipe.seeds)}
    values: dict[str, list[float]] = {}
    shown = []
    for (arm, seed), run in found.items():
        if run is None:
            continue
        training = trained(run)
        answers = answer(training)
        for name, number in numbers_of(run, training, answers).items():
            values.setdefault(f"{arm}.{name}", []).append(number)
        if seed == 0 and arm in recipe.examples:
            wrong = 1 - answers.whole.double().mean().item()
            examples, pictures = examples_of(training, answers), example_pictures(training, answers)
            shown.append(Shown(recipe.labels[arm], examples, wrong, sample_text(training), pictures))
    readers = {key: run for key, run in found.items() if run is not None}
    return Outcome(
        recipe,
        tuple(judge(expectation, values) for expectation in recipe.expectations),
        (*drawings(recipe, values), *spectra(recipe, readers), losses(recipe, readers)) if readers else (),
        tuple(shown),
        tuple(run.name for run in readers.values()),
        len(found) - len(readers),
        sum(run.progress.seconds for run in readers.values()),
    )


def drawings(recipe: Recipe, values: Values) -> list[Picture]:
    """The recipe's own pictures."""
    colours = colours_of(recipe)
    return [
        drawn(drawing, values, recipe.labels, colours, f"{recipe.name}-{k}")
        for k, drawing in enumerate(recipe.drawings)
    ]


def spectra(recipe: Recipe, readers: Mapping[tuple[str, int], RunReader]) -> list[Picture]:
    """The Lyapunov exponents of the arms that the recipe names, of seed 0."""
    return [spectra_picture(arm, recipe.labels[arm], readers[arm, 0]) for arm in recipe.spectra if (arm, 0) in readers]


def sample_text(training: Training) -> str | None:
    """Text that the network writes itself; None where it cannot."""
    experiment = replace(build(training.config), model=training.model)
    probe = Probe(experiment, experiment.record(training.path))
    return write_text(probe, TEMPERATURE, length=WRITTEN) if can_write(probe) else None


def finished(recipe: Recipe, runs: Path, arm: str, seed: int) -> RunReader | None:
    """The finished run of an arm with a seed; None before it has finished.

    Raises:
        RunError: the run is damaged.
    """
    folder = runs / recipe.config(arm, seed).identity()
    if not folder.exists():
        return None
    run = open_run(folder)
    return run if run.status == "finished" else None


def losses(recipe: Recipe, readers: dict[tuple[str, int], RunReader]) -> Picture:
    """The loss of every arm, its seeds joined."""
    colours, lanes = colours_of(recipe), dict[str, list[Lane]]()
    for (arm, _), run in readers.items():
        lanes.setdefault(arm, []).append(lane(run, recipe.labels[arm], colours[arm], DASHES[0]))
    return loss_picture([join(of_arm, recipe.labels[arm]) for arm, of_arm in lanes.items()])


def colours_of(recipe: Recipe) -> dict[str, str]:
    """Each arm's colour: its cell's, or another where two arms have one cell."""
    colours: dict[str, str] = {}
    for arm in recipe.arms:
        own = cell_colour(recipe.config(arm, 0).cell)
        free = [colour for colour in (own, *OTHER_COLOURS, *CELL_COLOURS.values()) if colour not in colours.values()]
        colours[arm] = free[0] if free else own
    return colours


def in_words(judged: Judged, value: float) -> str:
    """A number of an expectation with its unit."""
    expectation = judged.expectation
    if math.isnan(value):
        return "none"
    if expectation.unit == "%":
        return exact_percent(value)
    number = significant(value) if expectation.digits == 3 else f"{value:.{expectation.digits}g}".replace("-", "−")
    return f"{number} {expectation.unit}".strip()


def bound_in_words(judged: Judged) -> str:
    """The bound of an expectation: `at least 95 %`, `440 ± 22`."""
    expectation, bound = judged.expectation, in_words(judged, judged.bound)
    if expectation.near is not None:
        return f"{bound} ± {in_words(judged, expectation.within)}"
    return f"at {'least' if expectation.at_least is not None else 'most'} {bound}"


def spread(judged: Judged) -> str:
    """The smallest and the largest number over the seeds."""
    finite = [value for value in judged.values if not math.isnan(value)]
    if not finite:
        return "none"
    low, high = in_words(judged, min(finite)), in_words(judged, max(finite))
    lost = len(judged.values) - len(finite)
    return (low if low == high else f"{low} to {high}") + (f", {lost} not a number" if lost else "")

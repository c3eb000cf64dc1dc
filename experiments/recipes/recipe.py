"""A recipe as its TOML file has it: configurations, seeds, what was published, and what is expected."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from experiments.config.run_config import RunConfig
from experiments.config.words import read_toml, shortened, spelt_path, toml_text
from experiments.errors import ConfigError
from experiments.recipes.drawing import Drawing, read_drawing
from experiments.recipes.expectation import Expectation
from experiments.recipes.measured import QUANTITIES
from experiments.recipes.measurements import MEASUREMENTS
from experiments.runs.folder import NAME
from experiments.sweeps.axes import toml_value
from experiments.sweeps.plan import choice, known, table, text

KEYS = (
    "title", "source", "about", "tried", "minutes", "seeds", "measure", "fixed", "arms", "quick", "full", "examples",
    "expect", "draw", "spectra",
)  # fmt: skip
EXPECT_KEYS = (
    "says", "kind", "value", "published", "at_least", "at_most", "near", "within", "times", "unit", "digits",
    "statistic",
)  # fmt: skip
BOUNDS = ("at_least", "at_most", "near")
MOST_SEEDS = 1000
GROUPS = {"papers": Path(__file__).parent / "papers", "lectures": Path(__file__).parent / "lectures"}
"""Published results, and the systems of the lectures: a folder of TOML files each."""


Version = Literal["thinned", "quick", "full"]
"""`thinned`: as the file has it, of a size for two cores; `quick`: with the fields of [quick]; `full`: with those of
[full], the source's own sizes as far as it says them."""


@dataclass(frozen=True)
class Recipe:
    """One experiment: its runs, or the function that measures it, and what is expected."""

    name: str
    title: str
    source: str
    about: str
    """What is done, and which settings were chosen where the source leaves them open."""
    tried: str
    """What else was tried, where the result is not the published one; and what was changed after a run."""
    minutes: float
    """About how long it takes on two cores."""
    seeds: int
    measure: str | None
    """A name in `experiments.recipes.measurements`; None for a recipe that trains."""
    arms: Mapping[str, Mapping[str, object]]
    """Name → the fields of a configuration; empty for a recipe that trains nothing."""
    labels: Mapping[str, str]
    """Name of an arm → how charts and pages name it."""
    examples: tuple[str, ...]
    """Arms whose outputs are shown beside the targets."""
    expectations: tuple[Expectation, ...]
    drawings: tuple[Drawing, ...] = ()
    """Pictures of a quantity over the arms."""
    spectra: tuple[str, ...] = ()
    """Arms whose Lyapunov exponents are drawn as they were at the beginning, after the flossing and at the end."""
    version: Version = "thinned"

    @property
    def quick(self) -> bool:
        """Whether it is the short version, which says nothing about the claim."""
        return self.version == "quick"

    def config(self, arm: str, seed: int) -> RunConfig:
        """The configuration of one run."""
        return RunConfig.from_values({**self.arms[arm], "seed": seed})


def find_recipe(name: str, version: Version = "thinned") -> Recipe:
    """The recipe with this name, or in this TOML file.

    Raises:
        ConfigError: there is none, or its file has a mistake.
    """
    if name.endswith(".toml"):
        return read_recipe(Path(name), version)
    files = {path.stem: path for group in GROUPS for path in recipe_files(group)}
    if name not in files:
        raise ConfigError(
            f"the recipe was {shortened(name)}; it must be {', '.join(GROUPS)}, {', '.join(sorted(files))}, or a TOML "
            "file."
        )
    return read_recipe(files[name], version)


def recipe_files(group: str) -> list[Path]:
    """The TOML files of a group."""
    return sorted(GROUPS[group].glob("*.toml"))


def read_recipe(path: Path, version: Version = "thinned") -> Recipe:
    """Read a recipe.

    Args:
        path: its TOML file; the file's name is the recipe's name.
        version: whose settings replace the others.

    Raises:
        ConfigError: the first mistake in the file.
    """
    read_toml(path)  # its sentences for a file that cannot be read
    given = tomllib.loads(toml_text(path))
    try:
        return recipe_of(given, path.stem, version)
    except ConfigError as error:
        raise ConfigError(f"the recipe {spelt_path(path)}: {error}") from None


def recipe_of(given: dict[str, Any], name: str, version: Version = "thinned") -> Recipe:
    """The recipe with these values.

    Raises:
        ConfigError: the first mistake.
    """
    known(given, KEYS, "a recipe's file")
    if not NAME.fullmatch(name):
        raise ConfigError(f"its name was {shortened(name)}; it must be letters, digits, '_', '.' and '-'.")
    fixed, arms = table(given, "fixed"), table(given, "arms")
    other = {} if version == "thinned" else table(given, version)
    seeds = whole(other, "seeds", whole(given, "seeds", 1))
    more = table(other, "arms")
    changed = {key: value for key, value in other.items() if key not in ("seeds", "arms")}
    named: dict[str, dict[str, object]] = {arm: {**fixed, **table(arms, arm), **changed} for arm in arms}
    named |= {arm: {**fixed, **changed, **table(more, arm)} for arm in more}
    labels = {arm: text(table(more, arm), "label", text(table(arms, arm), "label", arm)) for arm in named}
    checked = {
        arm: {key: toml_value(key, value) for key, value in fields.items() if key != "label"}
        for arm, fields in named.items()
    }
    expectations = tuple(read_expectation(one) for one in listed(given, "expect"))
    recipe = Recipe(
        name,
        text(given, "title", name),
        text(given, "source", ""),
        text(given, "about", ""),
        text(given, "tried", ""),
        number(given, "minutes", 1.0),
        seeds,
        text(given, "measure", "") or None,
        checked,
        labels,
        tuple(str(arm) for arm in listed(given, "examples")),
        expectations,
        tuple(read_drawing(one, checked, QUANTITIES) for one in listed(given, "draw")),
        tuple(str(arm) for arm in listed(given, "spectra")),
        version,
    )
    check(recipe)
    return recipe


def check(recipe: Recipe) -> None:
    """Raise an error unless the recipe can be run and judged.

    Raises:
        ConfigError: the first mistake.
    """
    if (recipe.measure is None) == (not recipe.arms):
        raise ConfigError("it must have either measure or [arms.NAME] tables.")
    if recipe.measure is not None and recipe.measure not in MEASUREMENTS:
        raise ConfigError(f"measure was {shortened(recipe.measure)}; it must be one of {', '.join(MEASUREMENTS)}.")
    if not recipe.expectations:
        raise ConfigError("it must have at least one [[expect]] table.")
    for key, named in (("examples", recipe.examples), ("spectra", recipe.spectra)):
        for arm in named:
            if arm not in recipe.arms:
                raise ConfigError(f"{key} was {shortened(arm)}; it must name arms: {', '.join(recipe.arms)}.")
    for arm in recipe.arms:
        recipe.config(arm, 0)
    for expectation in recipe.expectations if recipe.arms else ():
        for value in (expectation.value, expectation.at_least, expectation.at_most, expectation.near):
            if isinstance(value, str):
                check_value(recipe, value)


def check_value(recipe: Recipe, value: str) -> None:
    """Raise an error unless a value of a training recipe is `ARM.QUANTITY`.

    Raises:
        ConfigError: it is not.
    """
    arm, _, quantity = value.partition(".")
    if arm not in recipe.arms or quantity not in QUANTITIES:
        raise ConfigError(
            f"an expectation is about {shortened(value)}; it must be ARM.QUANTITY, with an arm among "
            f"{', '.join(recipe.arms)} and a quantity among {', '.join(QUANTITIES)}."
        )


def read_expectation(given: object) -> Expectation:
    """One [[expect]] table.

    Raises:
        ConfigError: the first mistake.
    """
    if not isinstance(given, dict):
        raise ConfigError(f"expect was {shortened(given)}; it must be [[expect]] tables.")
    known(given, EXPECT_KEYS, "[[expect]]")
    bounds = {key: given[key] for key in BOUNDS if key in given}
    if len(bounds) != 1:
        raise ConfigError(f"an [[expect]] has {len(bounds)} bounds; it must have one of {', '.join(BOUNDS)}.")
    for key, value in bounds.items():
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ConfigError(f"{key} was {shortened(value)}; it must be a number or the name of a value.")
    words = {key: text(given, key, "") for key in ("says", "value", "published", "unit")}
    for key in ("says", "value"):
        if not words[key]:
            raise ConfigError(f"an [[expect]] has no {key}; add it.")
    kind = choice(given, "kind", ("size", "order"))
    statistic = choice(given, "statistic", ("median", "mean"))
    more = {key: number(given, key, otherwise) for key, otherwise in (("within", 0.0), ("times", 1.0))}
    digits = whole(given, "digits", 3)
    return Expectation(**words, kind=kind, statistic=statistic, digits=digits, **more, **bounds)  # type: ignore[arg-type]


def listed(given: Mapping[str, object], key: str) -> list[object]:
    """A list of the file; empty if it is missing."""
    value = given.get(key, [])
    if not isinstance(value, list):
        raise ConfigError(f"{key} was {shortened(value)}; it must be a list.")
    return value


def whole(given: Mapping[str, object], key: str, otherwise: int) -> int:
    """A whole number from 1 on."""
    value = given.get(key, otherwise)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_SEEDS:
        raise ConfigError(f"{key} was {shortened(value)}; it must be a whole number from 1 to {MOST_SEEDS}.")
    return value


def number(given: Mapping[str, object], key: str, otherwise: float) -> float:
    """A number that is not below 0."""
    value = given.get(key, otherwise)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise ConfigError(f"{key} was {shortened(value)}; it must be a number that is not below 0.")
    return float(value)

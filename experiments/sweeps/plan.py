"""From a sweep's TOML file to its runs: each configuration once, in an order that only the file decides."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from experiments.config.allowed import suggestion
from experiments.config.run_config import RunConfig
from experiments.config.words import read_toml, shortened, toml_text
from experiments.errors import ConfigError
from experiments.runs.folder import NAME
from experiments.sweeps.axes import Axis, read_axis, toml_value

Kind = Literal["probe", "run"]
"""The kind of a sweep's runs: one recorded pass at initialisation, or a training in a run folder."""
KINDS = get_args(Kind)
COMBINATIONS = ("grid", "zip", "random")
KEYS = ("name", "description", "kind", "combine", "samples", "random_seed", "seeds", "fixed", "axes", "show")
SHOWN = ("value", "rows", "columns", "panels")
"""The keys of `[show]`: the quantity and the axes that the page shows first."""
MOST_RUNS = 1_000_000


@dataclass(frozen=True)
class PlannedRun:
    """One configuration of a sweep."""

    name: str
    """The configuration's id, which is also the run's id."""
    values: Mapping[str, object]
    """Field → its value, for every axis that applies to the run."""


@dataclass(frozen=True)
class Plan:
    """The runs of a sweep."""

    name: str
    kind: Kind
    description: str
    fixed: Mapping[str, object]
    axes: tuple[str, ...]
    """The fields that vary, in the file's order; `seed` comes last if there are seeds."""
    runs: tuple[PlannedRun, ...]
    """Each configuration once."""
    repeated: int
    """How many combinations gave a configuration that existed already."""
    show: Mapping[str, str]
    source: str
    """The text of the TOML file."""

    def config(self, run: PlannedRun) -> RunConfig:
        """A run's whole configuration."""
        return RunConfig.from_values({**self.fixed, **run.values})


def read_plan(path: Path) -> Plan:
    """Read the plan of a TOML file.

    Raises:
        ConfigError: the first mistake in the file.
    """
    read_toml(path)  # its sentences for a file that cannot be read
    return plan_of(toml_text(path), path.stem)


def check_name(name: str) -> None:
    """Raise ConfigError for what is no name of a sweep."""
    if not NAME.fullmatch(name):
        raise ConfigError(f"name was {shortened(name)}; it must be letters, digits, '_', '.' and '-', at most 100.")


def plan_of(source: str, name: str, most: int = MOST_RUNS) -> Plan:
    """Read the plan of a TOML text; `name` is the sweep's name unless the text has one, `most` the most runs.

    Raises:
        ConfigError: as for `read_plan`.
    """
    given = tomllib.loads(source)
    known(given, KEYS, "a sweep's file")
    name = text(given, "name", name)
    check_name(name)
    kind = choice(given, "kind", KINDS)
    combine = choice(given, "combine", COMBINATIONS)
    fixed = {key: toml_value(f"fixed.{key}", value) for key, value in table(given, "fixed").items()}
    axes = [read_axis(key, value, combine == "random") for key, value in table(given, "axes").items()]
    check_fields(fixed, axes)
    seeds = read_seeds(given, fixed, axes)
    if not (fixed or axes or seeds):
        raise ConfigError(f"the sweep {name} defines no runs; it must have [axes], [fixed] or seeds.")
    combinations = {"grid": grid, "zip": zipped, "random": drawn}[combine](given, fixed, axes)
    runs, repeated = unique(fixed, axes, combinations, seeds, most)
    fields = (*(axis.field for axis in axes), *(("seed",) if seeds else ()))
    show = {key: text(table(given, "show"), key, "") for key in table(given, "show")}
    known(show, SHOWN, "[show]")
    return Plan(name, kind, text(given, "description", ""), fixed, fields, runs, repeated, show, source)  # type: ignore[arg-type]


def unique(
    fixed: Mapping[str, object],
    axes: list[Axis],
    combinations: Iterator[dict[str, object]],
    seeds: tuple[object, ...],
    most: int,
) -> tuple[tuple[PlannedRun, ...], int]:
    """Every combination with every seed, each configuration once, and how many were repeated."""
    runs: dict[str, PlannedRun] = {}
    count = 0
    for values in combinations:
        for seed in seeds or (None,):
            count += 1
            if count > most:
                raise ConfigError(f"the sweep has more than {most} runs; remove values from its axes.")
            changed = {**values, "seed": seed} if seeds else values
            config = RunConfig.from_values({**fixed, **changed})
            name = config.identity()
            runs.setdefault(name, PlannedRun(name, {field: getattr(config, field) for field in changed}))
    return tuple(runs.values()), count - len(runs)


def grid(given: Mapping[str, object], fixed: Mapping[str, object], axes: list[Axis]) -> Iterator[dict[str, object]]:
    """Every combination; the file's last axis changes fastest, and axes with a condition come after all others."""
    return product(fixed, sorted(axes, key=lambda axis: bool(axis.when)), {})


def product(fixed: Mapping[str, object], axes: list[Axis], so_far: dict[str, object]) -> Iterator[dict[str, object]]:
    """Every combination of the axes that apply to the values so far."""
    if not axes:
        yield so_far
        return
    axis, *others = axes
    if not axis.applies(settings(fixed, so_far)):
        yield from product(fixed, others, so_far)
        return
    for value in axis.values:
        yield from product(fixed, others, {**so_far, axis.field: value})


def zipped(given: Mapping[str, object], fixed: Mapping[str, object], axes: list[Axis]) -> Iterator[dict[str, object]]:
    """The first value of every axis, then the second of every axis, …"""
    lengths = {axis.field: len(axis.values) for axis in axes}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise ConfigError(f"combine was zip and the axes have different lengths ({found}); they must be the same.")
    for values in zip(*(axis.values for axis in axes), strict=True):
        yield applied(fixed, axes, values)


def drawn(given: Mapping[str, object], fixed: Mapping[str, object], axes: list[Axis]) -> Iterator[dict[str, object]]:
    """Random combinations; a larger number keeps the first ones and adds more."""
    samples = whole(given, "samples", 1)
    generator = np.random.default_rng(whole(given, "random_seed", 0))
    for _ in range(samples):
        yield applied(fixed, axes, tuple(axis.draw(generator) for axis in axes))


def applied(fixed: Mapping[str, object], axes: list[Axis], values: tuple[object, ...]) -> dict[str, object]:
    """The values of the axes that apply."""
    chosen: dict[str, object] = {}
    pairs = zip(axes, values, strict=True)
    for axis, value in sorted(pairs, key=lambda pair: bool(pair[0].when)):
        if axis.applies(settings(fixed, chosen)):
            chosen[axis.field] = value
    return chosen


DEFAULTS = RunConfig().model_dump()


def settings(fixed: Mapping[str, object], values: Mapping[str, object]) -> dict[str, object]:
    """Every field's value, against which conditions are checked."""
    return {**DEFAULTS, **fixed, **values}


def check_fields(fixed: Mapping[str, object], axes: list[Axis]) -> None:
    """Raise an error unless every name is a field and occurs once."""
    names = [*fixed, *(axis.field for axis in axes), *(name for axis in axes for name in axis.when)]
    for name in names:
        if name not in RunConfig.model_fields:
            RunConfig.from_values({name: None})  # its sentence, with the closest name
    for name, values in (pair for axis in axes for pair in axis.when.items()):
        for value in values:
            RunConfig.from_values({name: value})
    both = [axis.field for axis in axes if axis.field in fixed and not axis.when]
    if both:
        raise ConfigError(f"{both[0]} is in both [fixed] and [axes]; remove one.")


def read_seeds(given: Mapping[str, object], fixed: Mapping[str, object], axes: list[Axis]) -> tuple[object, ...]:
    """The seeds of every combination: a number of seeds from 0 on, or a list; empty if the file has none."""
    if "seeds" not in given:
        return ()
    if "seed" in fixed or any(axis.field == "seed" for axis in axes):
        raise ConfigError("seeds is given and seed is in [fixed] or [axes]; remove one of them.")
    seeds = given["seeds"]
    if isinstance(seeds, int) and not isinstance(seeds, bool) and 1 <= seeds <= MOST_RUNS:
        return tuple(range(seeds))
    if isinstance(seeds, list) and seeds and all(isinstance(s, int) and not isinstance(s, bool) for s in seeds):
        return tuple(dict.fromkeys(seeds))
    raise ConfigError(
        f"seeds was {shortened(seeds)}; it must be a whole number from 1 to {MOST_RUNS}, or a list of seeds."
    )


def known(given: Mapping[str, object], allowed: tuple[str, ...], where: str) -> None:
    """Raise an error unless every key is allowed."""
    for key in given:
        if key not in allowed:
            field = " (a run's field belongs in [fixed] or [axes])" if key in RunConfig.model_fields else ""
            raise ConfigError(
                f"{shortened(key)} is not a key of {where}{field}; {suggestion(key, allowed)} keys are "
                f"{', '.join(allowed)}."
            )


def table(given: Mapping[str, object], key: str) -> dict[str, object]:
    """A table of the file; empty if it is missing."""
    value = given.get(key, {})
    if not isinstance(value, dict):
        raise ConfigError(f"{key} was {shortened(value)}; it must be a table, [{key}].")
    return value


def choice(given: Mapping[str, object], key: str, allowed: tuple[str, ...]) -> str:
    """One of the words; the first if the file has none."""
    value = given.get(key, allowed[0])
    if value not in allowed:
        raise ConfigError(f"{key} was {shortened(value)}; it must be {', '.join(allowed[:-1])} or {allowed[-1]}.")
    return str(value)


def text(given: Mapping[str, object], key: str, otherwise: str) -> str:
    """A text of the file."""
    value = given.get(key, otherwise)
    if not isinstance(value, str):
        raise ConfigError(f"{key} was {shortened(value)}; it must be text.")
    return value


def whole(given: Mapping[str, object], key: str, least: int) -> int:
    """A whole number that a random sweep needs."""
    value = given.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= MOST_RUNS:
        was = f"was {shortened(value)}" if key in given else "is missing"
        raise ConfigError(f"{key} {was}; for combine = 'random' it must be a whole number from {least} to {MOST_RUNS}.")
    return value

"""`config.json`: what a run folder says of itself once and for all."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le
from pydantic import ConfigDict, Field

from experiments.checked import STRICT, Clock, Count, Word, checked
from experiments.config.run_config import FORMAT_VERSION, ConfigError, RunConfig
from experiments.runs.store.chunks import read_json
from experiments.runs.store.errors import ForeignRunError
from experiments.runs.store.progress import refuse_newer

CONFIG = "config.json"
Config = Annotated[dict[Word, object], Field(max_length=200)]
MOST_LANES = 64


@dataclass(frozen=True)
class Lockstep:
    """What was started together."""

    __pydantic_config__ = STRICT

    token: Word
    """Of that start alone."""
    configs: Annotated[list[Config], Field(max_length=MOST_LANES)]
    """Of all lanes."""


@dataclass(frozen=True)
class Description:
    """What `config.json` holds; what it has besides is of no use to anyone here, and left alone."""

    __pydantic_config__ = ConfigDict({**STRICT, "extra": "ignore"})

    format: Annotated[int, Ge(1)]
    id: Word
    config: Config
    created: Clock = 0.0
    path: Literal["fast", "reference"] = "fast"
    """Which implementation of `record` made it."""
    chance: Annotated[float, Gt(0), Le(1e30)] | None = None
    """What a memoryless guess scores, in the loss's unit."""
    timesteps: Count = 0
    parameters: Count = 0
    torch: Word = ""
    arrays: Annotated[list[Word], Field(max_length=64)] = field(default_factory=list)
    """Names of the arrays with a row a recorded step."""
    lockstep: Lockstep | None = None
    """None for a run that was started alone."""
    owner: Word | None = None
    """Mark of the page's visitor who started it; None for a run of the command line."""


def read_description(folder: Path) -> tuple[Description, RunConfig]:
    """What a run folder is, and its configuration.

    Raises:
        DamagedRunError: the file is missing or no JSON.
        ForeignRunError: it is of a newer format, or not as this program writes it.
    """
    given = read_json(folder, CONFIG)
    refuse_newer(folder, given.get("format"))
    values = given.get("config")
    try:
        config = RunConfig.from_values(values if isinstance(values, dict) else {"config": None})
    except ConfigError as error:
        raise ForeignRunError(f"{CONFIG!r} in {str(folder)!r} cannot be run: {error}") from None
    if given.get("id") not in [config.identity(version) for version in range(1, FORMAT_VERSION + 1)]:
        raise ForeignRunError(f"{CONFIG!r} in {str(folder)!r} was changed: its id is not that of its configuration.")
    try:
        return checked(Description, given), config
    except ValueError as name:
        raise ForeignRunError(
            f"{CONFIG!r} in {str(folder)!r} is not as this program writes it: {name} is wrong."
        ) from None


def chance_of(description: Description) -> float:
    """What a memoryless guess scores; NaN where the folder does not say."""
    return math.nan if description.chance is None else description.chance

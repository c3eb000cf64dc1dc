"""`config.json`: the description of a run, which never changes."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le
from pydantic import ConfigDict, Field

from experiments.checked import STRICT, Clock, Count, Word, checked
from experiments.runs.store.chunks import read_json
from experiments.runs.store.errors import ForeignRunError
from experiments.runs.store.form import Form
from experiments.runs.store.progress import refuse_newer

CONFIG = "config.json"
Config = Annotated[dict[Word, object], Field(max_length=200)]
Kind = Literal["configuration", "module"]
MOST_LANES = 64

Implied = Callable[[Path, dict[str, Any]], tuple[tuple[Form, ...], str] | None]
"""From a folder and what its `config.json` holds, trusted in nothing: the forms and the title that follow from its
settings, or None where nothing does. Raises ForeignRunError for settings that cannot be."""


@dataclass(frozen=True)
class Lockstep:
    """The runs that were started together."""

    __pydantic_config__ = STRICT

    token: Word
    """A token of this start alone."""
    configs: Annotated[list[Config], Field(max_length=MOST_LANES)]
    """The configurations of all lanes."""


@dataclass(frozen=True)
class Description:
    """The content of `config.json`; other fields of the file are ignored."""

    __pydantic_config__ = ConfigDict({**STRICT, "extra": "ignore"})

    format: Annotated[int, Ge(1)]
    id: Word
    config: Config
    """The settings, as plain values: a `RunConfig`'s where the run is of that kind."""
    kind: Kind = "configuration"
    """Whether a configuration decided the run, or it is a training of somebody's own module that was watched."""
    title: Word = ""
    """A few words about the run."""
    form: Form | None = None
    """None in a folder of an earlier version, until its settings have given it."""
    others: Annotated[list[Form], Field(max_length=15)] = field(default_factory=list)
    """The forms of the second, the third, … recurrent module of a network with several."""
    created: Clock = 0.0
    path: Literal["fast", "reference"] = "fast"
    """The path of `record` that made it."""
    chance: Annotated[float, Gt(0), Le(1e30)] | None = None
    """The loss of a guess without memory."""
    timesteps: Count = 0
    parameters: Count = 0
    torch: Word = ""
    arrays: Annotated[list[Word], Field(max_length=512)] = field(default_factory=list)
    """Names of the arrays with a row a recorded step."""
    lockstep: Lockstep | None = None
    """None for a run that was started alone."""
    owner: Word | None = None
    """Mark of the page's visitor who started it; None for a run of the command line."""


def nothing_implied(folder: Path, given: dict[str, Any]) -> None:
    """None: the run is what it says of itself."""


def read_description(folder: Path, implied: Implied = nothing_implied) -> Description:
    """Read the description of a run folder, with its form.

    Args:
        folder: of the run.
        implied: gives the forms and the title that must be the folder's, see `Implied`.

    Raises:
        DamagedRunError: the file is missing or no JSON.
        ForeignRunError: it is of a newer format, or not as this program writes it.
    """
    given = read_json(folder, CONFIG)
    refuse_newer(folder, given.get("format"))
    wanted = implied(folder, given)
    try:
        description = checked(Description, given)
    except ValueError as name:
        raise ForeignRunError(
            f"{CONFIG!r} in {str(folder)!r} is not as this program writes it: {name} is wrong."
        ) from None
    if wanted is None:
        wrong = wrong_part(description)
        if wrong is not None:
            raise ForeignRunError(f"{CONFIG!r} in {str(folder)!r} is not as this program writes it: {wrong} is wrong.")
        return description
    (form, *others), title = wanted
    description = with_words_of(description, (form, *others))
    if description.others != others:
        raise ForeignRunError(f"{CONFIG!r} in {str(folder)!r} is not as this program writes it: others is wrong.")
    for what, said, given_by_settings in (("form", description.form, form), ("title", description.title, title)):
        if said not in (None, "", given_by_settings):
            raise ForeignRunError(
                f"{CONFIG!r} in {str(folder)!r} is not as this program writes it: {what} is not what its settings give."
            )
    return replace(description, form=form, title=title)


def with_words_of(description: Description, forms: Sequence[Form]) -> Description:
    """The description with the forms' words for their axes: another version of the program had others."""
    form = description.form and replace(description.form, axes=forms[0].axes)
    others = [replace(said, axes=other.axes) for said, other in zip(description.others, forms[1:], strict=False)]
    return replace(description, form=form, others=others + list(description.others[len(others) :]))


def wrong_part(description: Description) -> str | None:
    """The name of what does not go with the rest, where no settings say what it must be; None where all of it does."""
    if description.form is None:
        return "form"
    wrong = description.form.wrong_part()
    for other in description.others:
        same_steps = (other.steps, other.record_every) == (description.form.steps, description.form.record_every)
        wrong = wrong or other.wrong_part() or (None if same_steps else "others.steps")
    names = [name for form in (description.form, *description.others) for name in form.stacks]
    return wrong or (None if len(names) == len(set(names)) == 1 + len(description.others) else "form.stacks")


def chance_of(description: Description) -> float:
    """The loss of a guess without memory; NaN if the folder does not have it."""
    return math.nan if description.chance is None else description.chance

"""A sweep's TOML text from settings and their values, as a form has them."""

from collections.abc import Mapping, Sequence

import orjson

from experiments.config.run_config import RunConfig
from experiments.config.words import parse_value
from experiments.errors import ConfigError
from experiments.sweeps.plan import Kind

SHOWN: Mapping[Kind, str] = {"probe": "decay_rate", "run": "final_loss"}
"""Kind → the quantity that the page shows first."""


def read_values(field: str, text: str) -> list[object]:
    """The values of a setting, from a text with commas between them; each value once.

    Raises:
        ConfigError: a value that the setting cannot have, or none at all.

    Example:
        >>> read_values("clip_threshold", "0.5, 1, none")
        [0.5, 1.0, None]
    """
    given = [parse_value(part.strip()) for part in text.split(",") if part.strip()]
    if not given:
        raise ConfigError(f"{field} has no value; it needs at least one, and commas between several.")
    return list(dict.fromkeys(getattr(RunConfig.from_values({field: value}), field) for value in given))


def sweep_text(name: str, kind: Kind, seeds: int, values: Mapping[str, Sequence[object]]) -> str:
    """The TOML text: a setting with one value is fixed, one with several is an axis.

    Args:
        name: of the sweep.
        kind: whether its runs are single passes or trainings.
        seeds: how many seeds each combination has.
        values: field → its values.

    Example:
        >>> from experiments.sweeps.plan import plan_of
        >>> text = sweep_text("mine", "probe", 2, {"cell": ["elman", "gru"], "seq_len": [10, 20], "hidden_size": [4]})
        >>> plan = plan_of(text, "")
        >>> len(plan.runs), dict(plan.fixed), plan.show["columns"]
        (8, {'hidden_size': 4}, 'seq_len')
    """
    axes = [field for field in values if len(values[field]) > 1]
    lines = [f"name = {spelt(name)}", f"kind = {spelt(kind)}", f"seeds = {seeds}", "", "[fixed]"]
    lines += [f"{field} = {spelt(given[0])}" for field, given in values.items() if field not in axes]
    lines += ["", "[axes]", *(f"{field} = [{', '.join(map(spelt, values[field]))}]" for field in axes)]
    numbers = [field for field in axes if not any(isinstance(value, str | bool) for value in values[field])]
    lines += ["", "[show]", f"value = {spelt(SHOWN[kind])}"]
    first = [*numbers, *(field for field in axes if field not in numbers)][:2]
    lines += [f"{side} = {spelt(field)}" for side, field in zip(("columns", "rows"), first, strict=False)]
    return "\n".join(lines) + "\n"


def spelt(value: object) -> str:
    """A value as TOML writes it; TOML has no word for none, so that it is a text."""
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, int | float) else orjson.dumps("none" if value is None else value).decode()

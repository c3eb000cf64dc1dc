"""One configuration for each of several cells."""

from collections.abc import Sequence

from experiments.config.run_config import RunConfig
from experiments.config.words import parse_words, spelt
from experiments.errors import ConfigError


def configs_from_words(words: Sequence[str]) -> list[RunConfig]:
    """One configuration for each cell in `cell=elman,lstm,gru`, in that order.

    A TOML file may give a list, `cell = ["elman", "lstm"]`.

    Raises:
        ConfigError: the first thing wrong, in one sentence; also a cell given twice.
    """
    values = parse_words(words)
    cell = values.get("cell")
    cells = [name.strip() for name in cell.split(",")] if isinstance(cell, str) else cell
    if not cells or not isinstance(cells, list):
        return [RunConfig.from_values(values)]
    configs = [RunConfig.from_values({**values, "cell": name}) for name in cells]
    if len({config.cell for config in configs}) < len(configs):
        raise ConfigError(f"cell was {spelt(cell)}; each cell may be given once.")
    return configs

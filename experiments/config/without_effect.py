"""Settings that were given and do nothing, since another setting or the cell does not use them."""

from collections.abc import Callable, Sequence

from experiments.config.run_config import RunConfig
from experiments.config.words import bare
from models.cells.registry import CELLS

NEEDED: dict[str, tuple[Callable[[RunConfig], bool], str]] = {
    "text_file": (lambda c: c.task == "next_character", "task=next_character"),
    "seq_len_min": (lambda c: c.seq_len_schedule != "fixed", "another seq_len_schedule than fixed"),
    "gain": (
        lambda c: c.initialisation == "gaussian" and (not is_scaled(c) or c.spectrum_blocks is not None),
        "initialisation=gaussian, and a block that is not scaled anew",
    ),
    "spectrum_shape": (lambda c: c.singular_values is None, "no singular_values, which replace it"),
    "spectrum_blocks": (
        lambda c: is_scaled(c) or c.spectrum_shape != "kept" or c.singular_values is not None,
        "largest_singular_value, spectral_radius, spectrum_shape or singular_values",
    ),
    "truncate_kind": (lambda c: c.truncate is not None, "truncate"),
    "clip_rule": (lambda c: c.clip_threshold is not None, "clip_threshold"),
    "floss_exponents": (lambda c: c.floss_steps > 0, "floss_steps"),
    "forget_bias": (lambda c: CELLS[c.cell].keep_gate is not None, "a cell with a gate that keeps its state"),
}
"""Setting → whether a configuration uses it, and what it needs for that. `option_names` tells of the cells' own."""


OF_MATRIX = (
    "initialisation", "gain", "spectrum_shape", "largest_singular_value", "spectral_radius", "singular_values",
    "spectrum_blocks",
)  # fmt: skip
"""Settings of the recurrent matrix, which a cell may be without."""


def is_scaled(c: RunConfig) -> bool:
    """Whether a block's largest singular value or eigenvalue is set, whatever was drawn."""
    return c.largest_singular_value is not None or c.spectral_radius is not None


def say_without_effect(configs: Sequence[RunConfig]) -> list[str]:
    """A sentence for each setting that differs from its default and that no configuration uses."""
    unused = []
    for name, field in RunConfig.model_fields.items():
        values = [getattr(c, name) for c in configs if getattr(c, name) != field.default]
        if values and not any(uses(c, name) for c in configs):
            unused.append(f"{name}={bare(values[0])} has no effect here: it needs {needed(configs, name)}.")
    return unused


def needed(configs: Sequence[RunConfig], name: str) -> str:
    """What a setting needs that none of the configurations has."""
    if name in OF_MATRIX and not any(CELLS[c.cell].recurrent_blocks for c in configs):
        return "a cell with a recurrent matrix"
    return NEEDED[name][1] if name in NEEDED else f"one of the cells {', '.join(cells_with(name))}"


def uses(config: RunConfig, name: str) -> bool:
    """Whether a setting can change anything of this configuration."""
    if name in OF_MATRIX and not CELLS[config.cell].recurrent_blocks:
        return False
    if name in NEEDED:
        return NEEDED[name][0](config)
    return not cells_with(name) or config.cell in cells_with(name)


def cells_with(name: str) -> list[str]:
    """The cells that have this option; empty if it is no cell's."""
    return [cell for cell, kind in CELLS.items() if name in kind.option_names]

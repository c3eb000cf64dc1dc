"""Settings that were given and do nothing, since another setting or the cell does not use them."""

from collections.abc import Callable, Sequence

from experiments.config.run_config import RunConfig
from experiments.config.words import bare
from models.cells.registry import CELLS

NEEDED: dict[str, tuple[Callable[[RunConfig], bool], str]] = {
    "text_file": (lambda c: c.task == "next_character", "task=next_character"),
    "seq_len_min": (lambda c: c.seq_len_schedule != "fixed", "another seq_len_schedule than fixed"),
    "gain": (lambda c: c.initialisation == "gaussian", "initialisation=gaussian"),
    "spectrum_blocks": (
        lambda c: c.largest_singular_value is not None or c.spectrum_shape != "kept" or c.singular_values is not None,
        "largest_singular_value, spectrum_shape or singular_values",
    ),
    "truncate_kind": (lambda c: c.truncate is not None, "truncate"),
    "clip_rule": (lambda c: c.clip_threshold is not None, "clip_threshold"),
    "floss_exponents": (lambda c: c.floss_steps > 0, "floss_steps"),
    "forget_bias": (lambda c: CELLS[c.cell].keep_gate is not None, "a cell with a gate that keeps its state"),
}
"""Setting → whether a configuration uses it, and what it needs for that. `option_names` tells of the cells' own."""


def say_without_effect(configs: Sequence[RunConfig]) -> list[str]:
    """A sentence for each setting that differs from its default and that no configuration uses."""
    unused = []
    for name, field in RunConfig.model_fields.items():
        values = [getattr(c, name) for c in configs if getattr(c, name) != field.default]
        if values and not any(uses(c, name) for c in configs):
            needs = NEEDED[name][1] if name in NEEDED else f"one of the cells {', '.join(cells_with(name))}"
            unused.append(f"{name}={bare(values[0])} has no effect here: it needs {needs}.")
    return unused


def uses(config: RunConfig, name: str) -> bool:
    """Whether a setting can change anything of this configuration."""
    if name in NEEDED:
        return NEEDED[name][0](config)
    return not cells_with(name) or config.cell in cells_with(name)


def cells_with(name: str) -> list[str]:
    """The cells that have this option; empty if it is no cell's."""
    return [cell for cell, kind in CELLS.items() if name in kind.option_names]

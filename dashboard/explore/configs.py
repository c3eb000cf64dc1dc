"""Turns the page's settings into `RunConfig`s, and a remedy's values into page settings."""

from collections.abc import Mapping

import numpy as np

from dashboard.explore.control import Slide
from dashboard.explore.link import read_settings
from dashboard.explore.settings import CONTROLS, Settings
from dashboard.server.checks import Value
from experiments.config.run_config import ConfigError, RunConfig


def page_configs(settings: Settings) -> list[RunConfig]:
    """One validated configuration per chosen cell.

    Raises:
        ConfigError: the first value that is not allowed.
    """
    values = run_values(settings)
    return [RunConfig.from_values({**values, "cell": cell}) for cell in settings.cells]


def run_values(settings: Settings) -> dict[str, object]:
    """The page's settings as `RunConfig` values, all but the cell."""
    fields = {name: value for name, value in settings.as_values().items() if name in RunConfig.model_fields}
    return {
        **fields,
        "seq_len": int(settings.seq_len),
        "truncate": int(settings.truncate) or None,
        "singular_values": _resample_spectrum(settings.singular_values, settings.hidden_size),
        "spectrum_blocks": ",".join(settings.spectrum_blocks) or None,
        "loss_position": None if settings.loss_position == "task" else settings.loss_position,
    }


def _resample_spectrum(values: str, units: int) -> str | None:
    """Singular values resampled to another number of units: the same curve over the rank."""
    if not values:
        return None
    before = [float(text) for text in values.split(",")]
    if len(before) == units:
        return values
    at = np.linspace(0, len(before) - 1, units)
    return ",".join(f"{value:g}" for value in np.interp(at, np.arange(len(before)), before))


def page_values(remedy: Mapping[str, object]) -> dict[str, Value]:
    """Some `RunConfig` values, a remedy's, as the page's settings; a number beyond a slider stops at its end.

    Raises:
        ConfigError: the page cannot set one of them.
    """
    none: dict[str, Value] = {"truncate": 0.0, "loss_position": "task", "singular_values": "", "spectrum_blocks": []}
    values: dict[str, Value] = {}
    for name, value in remedy.items():
        control = CONTROLS.get(name)
        if value is None and name in none:
            values[name] = none[name]
        elif isinstance(control, Slide) and isinstance(value, int | float):
            values[name] = control.clamp(value)
        else:
            allowed, wrong = read_settings({name: value})
            if wrong:
                raise ConfigError(f"{wrong[0]}.")
            values |= allowed
    return values

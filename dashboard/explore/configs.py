"""Turns the page's settings into `RunConfig`s, and a remedy's values into page settings."""

from collections.abc import Mapping

import numpy as np

from dashboard.explore.control import Slide
from dashboard.explore.link import read_settings
from dashboard.explore.networks import OpenedNetwork, controls_of
from dashboard.explore.settings import CONTROLS, NOISE, OF_NETWORK, OF_SOME, Settings, settings_of_task, slide_of
from dashboard.server.checks import Value
from experiments.config.run_config import ConfigError, RunConfig
from experiments.probing.given_network import TrainedNetwork
from models.cells.registry import CELLS

OF_A_DRAWN_NETWORK = (
    "network", "head", "start", "attention", "features", "reverse_source", "hidden_size", "num_layers",
    "bidirectional", "initialisation", "nonlinearity",
)  # fmt: skip
"""Settings that do not apply to a network with weights of its own."""


OF_TRAINING = {
    "optimiser", "learning_rate", "steps", "record_every", "record_units", "record_samples", "evaluate_every",
    "evaluate_size", "evaluate_at", "stop_on_success", "on_nonfinite", "clip_threshold", "clip_rule",
    "penalty_weight", "floss_steps", "floss_exponents", "device",
}  # fmt: skip
"""Fields on which a pass without training does not depend."""


def page_configs(settings: Settings) -> list[RunConfig]:
    """One validated configuration per chosen cell.

    Raises:
        ConfigError: the first value that is not allowed.
    """
    values = run_values(settings)
    return [RunConfig.from_values({**values, "cell": cell}) for cell in settings.cells]


def run_values(settings: Settings) -> dict[str, object]:
    """The page's settings as `RunConfig` values, all but the cell."""
    own = settings_of_its_own(settings)
    fields = {
        name: value
        for name, value in settings.as_values().items()
        if name in RunConfig.model_fields and (name in own or name not in OF_SOME)
    }
    return {
        **fields,
        "delay": settings.delay or None if "delay" in own else None,
        **{name: most or None for name, most in lowered(settings).items()},
        "seq_len": int(settings.seq_len),
        "truncate": int(settings.truncate) or None,
        "clip_threshold": settings.threshold,
        "singular_values": _resample_spectrum(settings.singular_values, settings.hidden_size),
        "spectrum_blocks": ",".join(settings.spectrum_blocks) or None,
        "attention": settings.attention if "attention" in own and settings.attention != "none" else None,
        "loss_position": None if settings.loss_position == "task" else settings.loss_position,
    }


def settings_of_its_own(settings: Settings) -> set[str]:
    """The settings that only some networks or tasks have, and those that are chosen."""
    task = settings.task if settings.is_drawn else settings.inputs
    return {*OF_NETWORK[settings.network], *settings_of_task(task, settings.seq_len_schedule)}


def lowered(settings: Settings) -> dict[str, int]:
    """The settings that apply and for which the sequences have no room, each with the value that takes its place."""
    task, length = settings.task if settings.is_drawn else settings.inputs, int(settings.seq_len)
    most = {"delay": (length - 1) // 2, "seq_len_min": length}
    own = settings_of_task(task, settings.seq_len_schedule)
    return {name: most[name] for name in own if name in most and getattr(settings, name) > most[name]}


def network_values(settings: Settings, opened: OpenedNetwork) -> dict[str, object]:
    """The page's settings as `RunConfig` values over a network that has its weights.

    A slider that stands where the network is changes nothing.
    """
    network, stands = opened.network, opened.start
    values = {
        name: value
        for name, value in run_values(settings).items()
        if name not in (*OF_A_DRAWN_NETWORK, "task", "clip_threshold")
    }
    values["singular_values"] = _resample_spectrum(settings.singular_values, network.hidden_size)
    reshaped = settings.singular_values or settings.spectrum_shape != "kept"
    if not opened.has_matrix or (not reshaped and settings.largest_singular_value == stands["largest_singular_value"]):
        values["largest_singular_value"] = None
    if not opened.has_keep_gate or settings.forget_bias == stands["forget_bias"]:
        values["forget_bias"] = None
    own = network.settings if isinstance(network, TrainedNetwork) else {}
    return {**own, **values, **({} if settings.inputs == NOISE else {"task": settings.inputs})}


def settings_of(config: RunConfig) -> Settings | None:
    """The page's settings that make this very network and pass; None where the page cannot set one of its values."""
    cell = CELLS[config.cell]
    free = {"forget_bias"} if cell.keep_gate is None else set()  # what the cell does not have may be anything
    free |= set() if cell.recurrent_blocks else {"largest_singular_value"}
    given = {name: v for name, v in config.model_dump().items() if name in CONTROLS and name not in free}
    try:
        settings = Settings.of({**page_values(given), "cells": [config.cell]})
        (made,) = page_configs(settings)
    except ConfigError:
        return None
    ignored = OF_TRAINING | free
    return settings if made.model_dump(exclude=ignored) == config.model_dump(exclude=ignored) else None


def _resample_spectrum(values: str, units: int) -> str | None:
    """Singular values resampled to another number of units: the same curve over the rank."""
    if not values:
        return None
    before = [float(text) for text in values.split(",")]
    if len(before) == units:
        return values
    at = np.linspace(0, len(before) - 1, units)
    return ",".join(f"{value:g}" for value in np.interp(at, np.arange(len(before)), before))


def page_values(remedy: Mapping[str, object], opened: OpenedNetwork | None = None) -> dict[str, Value]:
    """Some `RunConfig` values, a remedy's, as the page's settings; a number beyond a slider stops at its end.

    Args:
        remedy: field → value.
        opened: the network that it is for; None for one that the page draws.

    Raises:
        ConfigError: the page cannot set one of them.
    """
    controls = controls_of(opened)
    if opened is not None and (fixed := remedy.keys() & set(OF_A_DRAWN_NETWORK)):
        raise ConfigError(f"{min(fixed)} is the network's own, so it cannot be set.")
    none: dict[str, Value] = {
        "truncate": 0.0,
        "clip_threshold": slide_of("clip_threshold").highest,
        "attention": "none",
        "delay": 0,
        "loss_position": "task",
        "singular_values": "",
        "spectrum_blocks": [],
    }
    values: dict[str, Value] = {}
    for name, value in remedy.items():
        control = controls.get(name)
        if value is None and name in none:
            values[name] = none[name]
        elif isinstance(control, Slide) and isinstance(value, int | float):
            values[name] = control.clamp(value)
        else:
            allowed, wrong = read_settings({name: value}, controls)
            if wrong:
                raise ConfigError(f"{wrong[0]}.")
            values |= allowed
    return values

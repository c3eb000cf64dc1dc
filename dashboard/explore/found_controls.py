"""Explore's controls over a network that is given: they begin where the network is, and some ranges are its own.

Where the sliders of the singular value and of the keep gate's bias stand at their defaults, nothing is changed.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch

from analysis.spectrum import block_spectra
from dashboard.cache import PAGE_MEMORY_LIMIT
from dashboard.explore.control import Control, NumberList, OneOf, Slide, Whole
from dashboard.explore.settings import CONTROLS, NOISE, slide_of
from dashboard.option_words import TEXT_WORDS
from dashboard.server.checks import Value
from experiments.config.limits import memory_estimate, readable
from experiments.config.run_config import RunConfig
from experiments.errors import ConfigError
from experiments.probing.from_weights import config_for
from experiments.probing.given_network import GivenNetwork, TrainedNetwork
from experiments.tasks import make_task
from experiments.tasks.given_inputs import GivenInputs, draw_noise
from models.cells.cell import Cell

SIZES = ("batch_size", "seq_len")
"""Settings of which a pass's memory grows without end."""
HIGHEST_NORM = 100.0
"""As far as `RunConfig` allows."""


def found_controls(network: GivenNetwork) -> dict[str, Control[Any]]:
    """The page's controls with the network's defaults and ranges.

    Raises:
        ConfigError: the page could not record even one timestep of it.
    """
    cell, inputs = top_cell(network), fitting_inputs(network)
    bias, norm = slide_of("forget_bias"), slide_of("largest_singular_value")
    found_norm = max((s.spectral_norm for s in block_spectra(cell).values()), default=norm.default)
    largest = min(HIGHEST_NORM, max(norm.highest, float(math.ceil(1.5 * found_norm))))
    found_bias = keep_bias(cell)
    stands, mean = min(round(found_norm, 2), largest), round(found_bias, 1) + 0.0
    controls = {
        **CONTROLS,
        "inputs": replace(_one_of("inputs"), options=inputs),
        "largest_singular_value": replace(
            norm, default=stands, highest=largest,
            help=f"The largest singular value of the recurrent blocks. At {stands:g} nothing is changed. Any "
            "other value scales every block to it.",
        ),
        "singular_values": replace(_listed("singular_values"), highest=largest),
        "forget_bias": replace(
            bias, default=mean, lowest=min(bias.lowest, math.floor(found_bias)),
            highest=max(bias.highest, math.ceil(found_bias)),
            help=f"Bias of the gate that keeps the state. At {mean:g}, the mean over the units, nothing is "
            "changed. Any other value becomes the bias of every unit.",
        ),
    }  # fmt: skip
    defaults = _fitting_sizes(network, _own_settings(network, inputs))
    return controls | {name: replace(controls[name], default=value) for name, value in defaults.items()}


def top_cell(network: GivenNetwork) -> Cell:
    """The top layer, forwards, in float64."""
    outputs = network.output_size if isinstance(network, TrainedNetwork) else 0
    model = network.model(outputs or 1, torch.Generator(), torch.float64).requires_grad_(False)
    *_, top = model.stacks.values()
    return top.cell(network.num_layers - 1)


def keep_bias(cell: Cell) -> float:
    """The mean over the units of the bias that keeps the state; 0 for a cell without such a gate."""
    if cell.keep_gate is None:
        return 0.0
    rows = (cell.bias_ih + cell.bias_hh).split(cell.hidden_size)[cell.blocks.index(cell.keep_gate.gate)]
    return cell.keep_gate.bias(float(rows.mean()))


def fitting_inputs(network: GivenNetwork) -> dict[str, str]:
    """The choices of inputs whose size is the network's: tasks, and noise, which always fits."""
    options = _one_of("inputs").options
    texts = {"next_character": [*TEXT_WORDS]}
    return {
        name: words
        for name, words in options.items()
        if name == NOISE or any(_size_of(name, text) == network.input_size for text in texts.get(name, ["hello"]))
    }


def _size_of(task: str, text: str) -> int | None:
    """How many inputs a task has; None where the data that it needs are missing."""
    try:
        return make_task(RunConfig(task=task, text_file=text)).input_size
    except ConfigError:
        return None


def _one_of(name: str) -> OneOf:
    control = CONTROLS[name]
    assert isinstance(control, OneOf)
    return control


def _listed(name: str) -> NumberList:
    control = CONTROLS[name]
    assert isinstance(control, NumberList)
    return control


def _own_settings(network: GivenNetwork, inputs: Mapping[str, str]) -> dict[str, Value]:
    """What a run was trained with, as the page's settings; of a file only its inputs."""
    if not isinstance(network, TrainedNetwork) or network.config is None:
        return {"inputs": next(iter(inputs))}
    config = network.config
    known = config.text_file if config.text_file in TEXT_WORDS else "hello"
    reads = config.task in inputs and config.data_file is None and _size_of(config.task, known) == network.input_size
    wanted: dict[str, object] = {
        "inputs": config.task if reads else NOISE,
        "text_file": known,
        "delay": config.delay or 0,
        "seq_len": config.seq_len,
        "seq_len_schedule": "mixed" if config.seq_len_schedule == "mixed" else "fixed",
        "seq_len_min": config.seq_len_min,
        "batch_size": config.batch_size,
        "loss_position": config.loss_position or "task",
        "truncate": config.truncate or 0,
        "truncate_kind": config.truncate_kind,
        "clip_rule": config.clip_rule,
        "clip_threshold": slide_of("clip_threshold").highest
        if config.clip_threshold is None
        else config.clip_threshold,
        "seed": config.seed,
        "dtype": config.dtype,
    }
    return {name: CONTROLS[name].read(_clamp(CONTROLS[name], value)) for name, value in wanted.items()}


def _clamp(control: Control[Any], value: object) -> object:
    """A number that the control allows; anything else as it is."""
    if isinstance(control, Slide) and isinstance(value, int | float):
        return control.clamp(value)
    if isinstance(control, Whole) and isinstance(value, int):
        return min(max(value, control.lowest), control.highest)
    return value


def _fitting_sizes(network: GivenNetwork, settings: Mapping[str, Value]) -> dict[str, Value]:
    """The same settings with fewer sequences and timesteps, where the page could not record so many.

    Raises:
        ConfigError: it could not record a single one.
    """
    sizes = {name: int(str(settings.get(name, CONTROLS[name].default)).partition(".")[0]) for name in SIZES}
    while _memory(network, settings, sizes) > PAGE_MEMORY_LIMIT and max(sizes.values()) > 1:
        largest = "batch_size" if sizes["batch_size"] > 1 else "seq_len"
        sizes[largest] //= 2
    if (least := _memory(network, settings, sizes)) > PAGE_MEMORY_LIMIT:
        raise ConfigError(
            f"{network.spelt} has {network.hidden_size:,} hidden units, which need about {readable(least)} of memory; "
            f"the page allows {readable(PAGE_MEMORY_LIMIT)}, so use the command probe."
        )
    return {**settings, "batch_size": sizes["batch_size"], "seq_len": float(sizes["seq_len"])}


def _memory(network: GivenNetwork, settings: Mapping[str, Value], sizes: Mapping[str, int]) -> int:
    values = {"text_file": settings.get("text_file", "hello"), **sizes}
    if settings["inputs"] != NOISE:
        config = config_for(network, {**values, "task": settings["inputs"]})
        return memory_estimate(config)
    one = draw_noise((1, 1, network.input_size), torch.Generator())
    return memory_estimate(config_for(network, values), GivenInputs(one))

"""Where a run computes, and by which path of `record`."""

import torch

from experiments.config.run_config import RunConfig
from experiments.errors import ConfigError
from experiments.training.batches import DTYPES
from experiments.training.build import Experiment
from models import record


def device_of(config: RunConfig) -> torch.device:
    """The device that the configuration names.

    Raises:
        ConfigError: this machine has no such device, or one that cannot hold numbers of the configured type.
    """
    try:
        device = torch.device(config.device)
        torch.zeros((), dtype=DTYPES[config.dtype], device=device).item()
    except (RuntimeError, AssertionError, TypeError, NotImplementedError, ImportError):  # torch has no one error for it
        raise ConfigError(
            f"device was {config.device!r}, which torch cannot use on this machine for {config.dtype} numbers; choose "
            "device=cpu, or go on with a run that began there on such a machine."
        ) from None
    return device


def choose_path(experiment: Experiment) -> str:
    """`fast` if it can take the model (it is compiled now if necessary), else `reference`. A run uses one path only."""
    model, source = experiment.model, experiment.source
    if next(model.parameters()).device.type != "cpu":
        return "reference"
    inputs = experiment.inputs[:1] if source is None else experiment.inputs[source - 1 : source + 1]
    try:
        record(model, inputs, lambda outputs: outputs.sum(), path="fast", source=None if source is None else 1)
    except (ValueError, ImportError):
        return "reference"
    return "fast"

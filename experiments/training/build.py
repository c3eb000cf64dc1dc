"""Build the network, the batch and the loss of a `RunConfig`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from analysis.surgery import wanted_values
from analysis.wording import counted
from experiments.config.limits import check_memory
from experiments.config.run_config import RunConfig
from experiments.config.wiring import check_wiring
from experiments.errors import ConfigError
from experiments.tasks import LossPosition, Targets, Task, make_task
from experiments.tasks.task import Lengths
from experiments.training.batches import DTYPES, draw_batch, guess_loss
from experiments.training.schedule import check_schedule
from models import Trace, record
from models.cells.registry import CELLS
from models.networks.initialise import (
    chrono_,
    recurrent_matrices_,
    scale_spectral_norm,
    scale_spectral_radius,
    set_biases_,
    set_gate_bias_,
    set_singular_values,
)
from models.networks.network import Network
from models.networks.recurrent import Recurrent
from models.networks.registry import NETWORKS
from models.networks.sequence_model import SequenceModel


@dataclass(frozen=True, eq=False)
class Experiment:
    """The task, the network and one batch of a configuration."""

    config: RunConfig
    task: Task
    model: Network
    inputs: Float[Tensor, "time batch input"]
    targets: Targets
    lengths: Lengths = None
    """Timesteps of each sequence; None if all are equal."""

    def sequence(self, index: int) -> "Experiment":
        """One sequence of the batch on its own, without padding."""
        end = None if self.lengths is None else int(self.lengths[index])
        targets = self.targets[..., [index]]
        return replace(
            self,
            inputs=self.inputs[:end, [index]],
            targets=targets if targets.ndim == 1 else targets[:end],
            lengths=None,
        )

    @property
    def source(self) -> int | None:
        """Timesteps of the source, where the task has one."""
        return self.task.source(self.config.seq_len)

    @property
    def loss(self) -> Callable[[Tensor], Tensor]:
        """Outputs → the task's loss at the configured position."""
        return self.loss_at(self.config.loss_position)

    def loss_at(self, position: LossPosition | None) -> Callable[[Tensor], Tensor]:
        """Outputs → the task's loss at a position."""
        return lambda outputs: self.task.loss(outputs, self.targets, position, self.lengths)

    @property
    def answers_at_each_step(self) -> bool:
        """Whether each output is read from its own timestep's state alone."""
        model = self.model
        return not isinstance(model, SequenceModel) or model.readout.at_each_step

    def record(
        self, path: str | None = None, position: LossPosition | None = None, step_threshold: float | None = None
    ) -> Trace:
        """One recorded pass over the batch.

        Args:
            path: see `models.record`.
            position: of the loss; the configured one if left out.
            step_threshold: see `models.record`.
        """
        return record(
            self.model,
            self.inputs,
            self.loss_at(position or self.config.loss_position),
            truncate=self.config.truncate,
            truncate_kind=self.config.truncate_kind,
            path=path,
            lengths=self.lengths,
            source=self.source,
            step_threshold=step_threshold,
        )

    @property
    def chance(self) -> float:
        """The loss of a guess without memory."""
        return guess_loss(self.config, self.task)


def build(config: RunConfig) -> Experiment:
    """The network and its first batch.

    Weights and data come from two independent random streams of the seed, so that networks with different cells or
    sizes get the same sequences.

    Raises:
        ConfigError: a text that cannot be read, a cell without the option asked for, or too much memory; before
            anything large is allocated.
    """
    task = make_task(config)
    check_schedule(config)
    check_wiring(config, task)
    check_memory(config, task)
    weights, data = generators(config.seed)
    model = make_model(config, task, weights)
    batch = draw_batch(config, task, config.batch_size, config.seq_len, data)
    return Experiment(config, task, model, batch.inputs, batch.targets, batch.lengths)


def generators(seed: int) -> tuple[torch.Generator, torch.Generator]:
    """Two independent generators from one seed: for the weights and for the data."""
    states = np.random.SeedSequence(seed).generate_state(2, np.uint64)
    weights, data = (torch.Generator().manual_seed(int(state) % 2**63) for state in states)
    return weights, data


def make_model(config: RunConfig, task: Task, generator: torch.Generator) -> Network:
    """The network with the configured initial weights: made in float64 and rounded, the same one in either dtype."""
    model = empty_model(config, task.input_size, task.output_size, generator, torch.float64)
    with torch.no_grad():
        for recurrent in model.stacks.values():
            initialise_(recurrent, config, task, generator)
    return model.to(DTYPES[config.dtype])


def empty_model(
    config: RunConfig, input_size: int, output_size: int, generator: torch.Generator, dtype: torch.dtype
) -> Network:
    """The network of these sizes with torch's initial weights."""
    network = NETWORKS[config.network]
    settings = {name: getattr(config, name) for name in network.takes if name not in OF_THE_PASS}
    sizes = (input_size, config.hidden_size, output_size, config.num_layers)
    return network(config.cell, *sizes, generator=generator, dtype=dtype, **settings, **cell_options(config))


OF_THE_PASS = ("truncate",)
"""The settings that a network takes for a pass, not when it is made."""


def cell_options(config: RunConfig) -> dict[str, Any]:
    """The cell's options in the configuration, besides its sizes."""
    return {name: getattr(config, name) for name in CELLS[config.cell].option_names if name in RunConfig.model_fields}


def initialise_(recurrent: Recurrent, config: RunConfig, task: Task, generator: torch.Generator) -> None:
    """All biases, then recurrent matrices, then their spectrum, then the input scale, then the gates' biases."""
    keep = recurrent.cell_type.keep_gate
    if config.biases is not None or config.initialisation == "irnn":
        set_biases_(recurrent, config.biases or 0.0)
    if config.initialisation == "chrono":
        if keep is None:
            raise ConfigError(
                f"initialisation was 'chrono'; it needs a gate that keeps the state, and cell was {config.cell!r}."
            )
        chrono_(recurrent, task.length(config.seq_len), generator)
    elif config.initialisation != "default":
        kind = "identity" if config.initialisation == "irnn" else config.initialisation
        recurrent_matrices_(recurrent, kind, config.gain, generator)
    for name, weight in recurrent.named_parameters():
        if name.startswith("weight_hh"):
            for block in chosen_blocks(recurrent.cell_type.square_blocks(weight), config):
                set_spectrum_(block, config, generator)
        if name.startswith("weight_ih_l0"):
            weight.mul_(config.input_scale)
    if config.input_bias is not None:
        if "i" not in recurrent.cell_type.blocks:
            raise ConfigError(f"input_bias was {config.input_bias:g}; the cell {config.cell!r} has no input gate i.")
        set_gate_bias_(recurrent, "i", config.input_bias)
    if config.forget_bias is not None and keep is not None:
        set_gate_bias_(recurrent, keep.gate, keep.bias(config.forget_bias))


def chosen_blocks(blocks: Mapping[str, Tensor], config: RunConfig) -> list[Tensor]:
    """The square blocks that get the settings of the spectrum."""
    if config.spectrum_blocks is None or len(blocks) == 1:
        return list(blocks.values())
    wanted = config.spectrum_blocks.split(",")
    return [block for name, block in blocks.items() if name in wanted]


def set_spectrum_(block: Tensor, config: RunConfig, generator: torch.Generator) -> None:
    """Give a square block the configured spectrum: its singular values, with its own singular vectors, or its radius.

    Raises:
        ConfigError: the gain made the block zero or infinite, so that it has no spectrum to set, or no factor does.
    """
    largest = config.largest_singular_value
    set_at_all = config.spectrum_shape != "kept" or any(
        value is not None for value in (largest, config.spectral_radius, config.singular_values)
    )
    rounded = block.to(DTYPES[config.dtype])
    if set_at_all and not (rounded.isfinite().all() and rounded.any()):
        raise ConfigError(
            f"gain was {config.gain:g}; it must give recurrent weights of {config.dtype} that are finite and not all "
            "0, or their singular values cannot be set."
        )
    if config.singular_values is not None:
        values = torch.tensor(listed_values(config), dtype=torch.float64)
        if largest is not None and float(values.max()) > 0:
            values *= largest / values.max()
    elif config.spectrum_shape != "kept":
        values = wanted_values(
            config.spectrum_shape, config.hidden_size, 1.0 if largest is None else largest, generator=generator
        )
    elif config.spectral_radius is not None:
        block.copy_(scaled(block, "spectral_radius", config.spectral_radius))
        return
    elif largest is not None:
        block.copy_(scaled(block, "largest_singular_value", largest))
        return
    else:
        return
    block.copy_(set_singular_values(block, values))


SCALES: Mapping[str, Callable[[Tensor, float], Tensor]] = {
    "spectral_radius": scale_spectral_radius,
    "largest_singular_value": scale_spectral_norm,
}


def scaled(block: Tensor, setting: str, size: float) -> Tensor:
    """The block times the factor that gives it this radius or norm.

    Raises:
        ConfigError: there is no such factor.
    """
    try:
        return SCALES[setting](block, size)
    except ValueError:
        raise ConfigError(
            f"{setting} was {size:g}, which no factor gives to a matrix that is nearly 0 or has no eigenvalue but 0; "
            f"leave {setting} out, or choose other weights."
        ) from None


def listed_values(config: RunConfig) -> list[float]:
    """The singular values from the setting `singular_values`.

    Raises:
        ConfigError: too few or too many of them.
    """
    assert config.singular_values is not None
    values = [float(text) for text in config.singular_values.split(",")]
    if len(values) != config.hidden_size:
        had = counted(len(values), "number")
        raise ConfigError(f"singular_values had {had}; it must have {config.hidden_size}, one per unit (hidden_size).")
    return values

"""A network with given weights, from a file or from a recorded step of a run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from experiments.config.run_config import RunConfig
from experiments.errors import ConfigError
from experiments.runs.opening import config_of
from experiments.runs.store.form import StackForm
from experiments.runs.store.layers import cells_at, row_of, weights_at
from experiments.runs.store.reader import RunReader
from experiments.training.build import empty_model
from models.networks.network import Network
from models.networks.sequence_model import SequenceModel

READOUT = "readout."
"""How the names of a run's readout begin."""
OF_THE_BEGINNING = (
    "initialisation", "gain", "spectrum_shape", "largest_singular_value", "singular_values", "spectrum_blocks",
    "spectral_radius", "biases", "forget_bias", "input_bias", "input_scale",
)  # fmt: skip
"""Settings of a run that decided its first weights alone: they do not act on its trained ones again."""


class GivenNetwork(Protocol):
    """The network in a file or a run; `FoundStack` and `TrainedNetwork` are two kinds."""

    def __hash__(self) -> int:
        """Its identity: two that are read anew are two."""

    @property
    def spelt(self) -> str:
        """Its name for a message."""

    @property
    def cell(self) -> str:
        """A name in `models.CELLS`."""

    @property
    def options(self) -> Mapping[str, Any]:
        """The cell's options, besides its weights."""

    @property
    def input_size(self) -> int:
        """Numbers that the first layer reads at each timestep."""

    @property
    def hidden_size(self) -> int:
        """Hidden units of each layer and direction."""

    @property
    def num_layers(self) -> int:
        """Layers on top of each other."""

    @property
    def bidirectional(self) -> bool:
        """Whether there is a reverse direction."""

    def model(self, output_size: int, generator: torch.Generator, dtype: torch.dtype) -> Network:
        """The network under a readout of that size; what the readout lacks is drawn from the generator."""


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """The network of a run as a recorded step found it."""

    run: str
    """The run's name."""
    step: int
    """The optimiser step, from 1."""
    module: str
    """The name of its recurrent module."""
    stack: StackForm
    weights: Mapping[str, Tensor]
    """`weight_ih_l0`, `weight_hh_l0`, …: the recurrent parameters, in torch's names."""
    readout: Mapping[str, Tensor]
    """`weight` and `bias`; empty where somebody's own module was watched."""
    config: RunConfig | None
    """The run's configuration; None for a watched module."""
    whole: Mapping[str, Tensor]
    """All of the network's parameters."""
    input_size: int
    """Numbers in an input of the whole network."""

    @property
    def spelt(self) -> str:
        """Its name for a message."""
        return f"run {self.run}"

    @property
    def cell(self) -> str:
        """A name in `models.CELLS`."""
        return self.stack.cell

    @property
    def options(self) -> Mapping[str, Any]:
        """The cell's options, besides its weights."""
        return self.stack.options

    @property
    def hidden_size(self) -> int:
        """Hidden units of each layer and direction."""
        return self.stack.hidden_size

    @property
    def num_layers(self) -> int:
        """Layers on top of each other."""
        return self.stack.num_layers

    @property
    def bidirectional(self) -> bool:
        """Whether there is a reverse direction."""
        return self.stack.num_directions == 2

    @property
    def settings(self) -> dict[str, object]:
        """The run's settings that act on a pass over a network that exists: task, lengths, clipping, seed, …"""
        if self.config is None:
            return {}
        return {name: value for name, value in self.config if name not in OF_THE_BEGINNING}

    @property
    def output_size(self) -> int:
        """Outputs of its own readout; 0 where that is not known."""
        return len(self.readout.get("bias", self.readout.get("output.bias", ())))

    def has_readout(self, output_size: int) -> bool:
        """Whether its own readout is known and has so many outputs."""
        return self.output_size == output_size

    def model(self, output_size: int, generator: torch.Generator, dtype: torch.dtype) -> Network:
        """The network with its own readout where that has the size, else under one that is drawn.

        Raises:
            ConfigError: an encoder-decoder, whose readout is not replaced.
        """
        if self.config is not None and self.has_readout(output_size):
            whole = empty_model(self.config, self.input_size, output_size, generator, dtype)
            whole.load_state_dict(dict(self.whole))
            return whole
        if self.config is not None and self.config.network != "sequence":
            raise ConfigError(
                f"{self.spelt} is of network={self.config.network}, which keeps its task and its outputs."
            )
        model = SequenceModel(
            self.cell, self.input_size, self.hidden_size, output_size, self.num_layers, self.bidirectional,
            generator=generator, dtype=dtype, **self.options,
        )  # fmt: skip
        model.recurrent.load_state_dict(dict(self.weights))
        return model


def trained_network(run: RunReader, step: int | None = None) -> TrainedNetwork:
    """The network of a recorded step.

    Args:
        run: an open run.
        step: the optimiser step, from 1; None for the last that is recorded.

    Raises:
        RunError: the step is not recorded, or the run keeps no weights.
        ForeignRunError: options that its cell does not have.
        DamagedRunError: a chunk is missing or damaged.
        ConfigError: weights that are not finite.
    """
    if run.description.kind == "configuration":
        run = run.of(next(iter(run.forms)))  # it has the weights of the whole network
    row = row_of(run, step)
    # a watched training may have recorded nothing at some steps
    number = int(run.tensor("step")[row]) if run.form.watched else 1 + row * run.form.record_every
    weights = weights_at(run, number)
    if not all(bool(weight.isfinite().all()) for weight in weights.values()):
        raise ConfigError(
            f"run {run.name} has weights at step {number} that are not finite; choose a step from before it diverged."
        )
    cells_at(run, step)  # which refuses options that no such cell has
    if run.form.stack.projection is not None:
        raise ConfigError(
            f"run {run.name} is of an LSTM with proj_size, on which no setting acts; probe its recorded steps instead."
        )
    config = config_of(run) if run.description.kind == "configuration" else None
    of_network = list(run.forms)[-1] if config is not None else None  # the stack that reads the inputs stands last
    form = (run if of_network is None else run.of(of_network)).form
    module, stack = next(iter(form.stacks.items()))
    names = [f"{name}_{suffix}" for suffix in stack.suffixes for name in stack.shapes(0)]
    return TrainedNetwork(
        run=run.name,
        step=number,
        module=module,
        stack=stack,
        weights={name: weights[f"{module}.{name}"] for name in names},
        readout={}
        if config is None
        else {name.removeprefix(READOUT): w for name, w in weights.items() if name.startswith(READOUT)},
        config=config,
        whole=weights,
        input_size=form.input_size,
    )

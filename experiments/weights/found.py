"""A recurrent stack found in a file: its cell and sizes, and its weights with torch's names."""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from analysis.wording import counted
from experiments.config.words import cut, visible
from experiments.errors import ConfigError
from models import CELLS
from models.networks.sequence_model import SequenceModel

MOST_NUMBERS = 2**27
"""Most numbers of one stack: 512 MiB in float32."""

LABELS = {"elman": "Elman RNN", "lstm": "LSTM", "gru": "GRU"}


@dataclass(frozen=True, eq=False)
class FoundStack:
    """Layers and directions of one cell, as `torch.nn.RNN`, `LSTM` and `GRU` hold them.

    Raises:
        ConfigError: shapes that do not fit each other, or a weight that is not a finite number.
    """

    name: str
    """The name of the module or layer in its file; empty for the whole file."""
    cell: str
    """A name in `models.CELLS`."""
    weights: dict[str, Tensor]
    """`weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0`, …: the names and shapes of `torch.nn`."""
    convention: str
    """The file's order of gates and variant, in words."""
    options: dict[str, Any] = field(default_factory=dict)
    """`nonlinearity` of an Elman cell, `reset_after` of a GRU."""

    def __post_init__(self) -> None:
        """Check every weight against the shape that the first ones imply."""
        check_shape(self)
        shapes = self._shapes()
        for name, tensor in self.weights.items():
            if name not in shapes or list(tensor.shape) != shapes[name]:
                wanted = f"it must be {shapes[name]}" if name in shapes else "a layer below it is missing"
                raise ConfigError(f"{self.spelt}: {name} has the shape {list(tensor.shape)}; {wanted}.")
            if not bool(tensor.isfinite().all()):
                raise ConfigError(f"{self.spelt}: {name} has values that are not finite; choose an earlier file.")

    @property
    def spelt(self) -> str:
        """The layer's name for a message."""
        return spelt_layer(self.name)

    @property
    def input_size(self) -> int:
        """Numbers that the first layer reads at each timestep."""
        return self.weights["weight_ih_l0"].shape[1]

    @property
    def hidden_size(self) -> int:
        """Hidden units of each layer and direction."""
        return self.weights["weight_hh_l0"].shape[1]

    @property
    def num_layers(self) -> int:
        """Layers on top of each other."""
        return len({name.removesuffix("_reverse") for name in self.weights if name.startswith("weight_hh")})

    @property
    def bidirectional(self) -> bool:
        """Whether there is a reverse direction."""
        return "weight_ih_l0_reverse" in self.weights

    @property
    def sentence(self) -> str:
        """A sentence about the stack."""
        directions = "both directions" if self.bidirectional else "one direction"
        sizes = f"{counted(self.num_layers, 'layer')}, {directions}, {counted(self.input_size, 'input')}"
        sizes += f", {counted(self.hidden_size, 'hidden unit')}"
        return f"Found {self.spelt}: {LABELS[self.cell]}, {sizes} ({self.convention})."

    def model(self, output_size: int, generator: torch.Generator, dtype: torch.dtype) -> SequenceModel:
        """The stack under a readout that is drawn from the generator; biases that the file does not have are zero."""
        model = SequenceModel(
            self.cell,
            self.input_size,
            self.hidden_size,
            output_size,
            self.num_layers,
            self.bidirectional,
            generator=generator,
            dtype=dtype,
            **self.options,
        )
        with torch.no_grad():
            for name, parameter in model.recurrent.named_parameters():
                parameter.copy_(self.weights[name]) if name in self.weights else parameter.zero_()
        return model

    def _shapes(self) -> dict[str, list[int]]:
        shapes = {}
        for layer in range(self.num_layers):
            width = self.input_size if layer == 0 else self.hidden_size * (1 + self.bidirectional)
            for end in ("", "_reverse")[: 1 + self.bidirectional]:
                for name, shape in CELLS[self.cell].parameter_shapes(width, self.hidden_size).items():
                    shapes[f"{name}_l{layer}{end}"] = list(shape)
        return shapes


def spelt_layer(name: str) -> str:
    """A layer's name for a message; a file that is the layer has none."""
    return f"layer {cut(visible(name))}" if name else "the recurrent layer"


def check_shape(stack: FoundStack) -> None:
    """Raise a ConfigError before anything is allocated for sizes that no file of ours has."""
    for name in ("weight_ih_l0", "weight_hh_l0"):
        if name not in stack.weights:
            raise ConfigError(f"{stack.spelt} has no {name}; choose a file that holds the whole layer.")
        if stack.weights[name].ndim != 2 or 0 in stack.weights[name].shape:
            raise ConfigError(
                f"{stack.spelt}: {name} has the shape {list(stack.weights[name].shape)}; it must be a matrix."
            )
    suffixes = [f"_l{k}{end}" for k in range(stack.num_layers) for end in ("", "_reverse")[: 1 + stack.bidirectional]]
    if missing := {f"{kind}{end}" for kind in ("weight_ih", "weight_hh") for end in suffixes} - set(stack.weights):
        raise ConfigError(f"{stack.spelt} has no {min(missing)}; choose a file that holds the whole layer.")
    numbers = sum(weight.numel() for weight in stack.weights.values())
    if numbers > MOST_NUMBERS:
        raise ConfigError(f"{stack.spelt} has {numbers} weights; at most {MOST_NUMBERS} are read.")
    if stack.cell not in CELLS:
        raise ConfigError(f"{stack.spelt} has a cell that the lab does not have; it has {', '.join(CELLS)}.")

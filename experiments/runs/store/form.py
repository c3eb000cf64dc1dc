"""The form of a run's arrays in its `config.json`: stacks of layers, weights, and the meaning of each axis."""

from dataclasses import dataclass, field
from math import prod
from typing import Annotated, Literal

from annotated_types import Ge, Le
from pydantic import AfterValidator, Field

from experiments.checked import MOST_STEPS, STRICT, Word
from models.bptt.truncation import TruncateKind
from models.cells.cell import Cell
from models.cells.lstm.projection import ProjectedLSTMCell
from models.cells.registry import CELLS


def _known_cell(name: str) -> str:
    if name not in CELLS:
        raise ValueError
    return name


CellName = Annotated[Word, AfterValidator(_known_cell)]
Size = Annotated[int, Ge(1), Le(2**31 - 1)]
Length = Annotated[int, Ge(0), Le(2**31 - 1)]
Indices = Annotated[list[Annotated[int, Ge(0), Le(2**31 - 1)]], Field(min_length=1, max_length=4096)]
Dtype = Literal["float32", "float64"]
Keeps = Literal["quantiles", "weights", "layers"]
TargetPer = Literal["sequence", "timestep"]
TargetDtype = Literal["float32", "float64", "int64"]


@dataclass(frozen=True)
class StackForm:
    """One recurrent module."""

    __pydantic_config__ = STRICT

    cell: CellName
    """Name in the registry of cells."""
    input_size: Size
    hidden_size: Size
    num_layers: Annotated[int, Ge(1), Le(64)] = 1
    num_directions: Annotated[int, Ge(1), Le(2)] = 1
    options: Annotated[dict[Word, bool | Word], Field(max_length=8)] = field(default_factory=dict)
    """The cell's own: `nonlinearity`, `reset_after`, …"""
    projection: Size | None = None
    """Units of h where an LSTM projects it, torch's `proj_size`; `hidden_size` are then those of c."""

    @property
    def cell_type(self) -> type[Cell]:
        """The cell's class."""
        return CELLS[self.cell] if self.projection is None else ProjectedLSTMCell

    @property
    def state_sizes(self) -> tuple[int, ...]:
        """Units of h, and of c where the cell has one."""
        c = (self.hidden_size,) * (len(self.cell_type.state_names) - 1)
        return (self.projection or self.hidden_size, *c)

    @property
    def suffixes(self) -> list[str]:
        """Torch's suffix for each layer and direction: `l0`, `l0_reverse`, `l1`, …"""
        ends = ("", "_reverse")[: self.num_directions]
        return [f"l{layer}{end}" for layer in range(self.num_layers) for end in ends]

    def shapes(self, layer: int) -> dict[str, tuple[int, ...]]:
        """The cell's parameters of one layer: name → shape."""
        H, P = self.hidden_size, self.state_sizes[0]
        below = self.input_size if layer == 0 else P * self.num_directions
        shapes = {name: tuple(shape) for name, shape in CELLS[self.cell].parameter_shapes(below, H).items()}
        return shapes if self.projection is None else {**shapes, "weight_hh": (4 * H, P), "weight_hr": (P, H)}


@dataclass(frozen=True)
class TargetForm:
    """The targets of the kept sequences."""

    __pydantic_config__ = STRICT

    per: TargetPer
    dtype: TargetDtype
    values: Size | None = None
    """Numbers of one target; None where it is a single one."""


@dataclass(frozen=True)
class WholeForm:
    """The network's inputs as a whole."""

    __pydantic_config__ = STRICT

    timesteps: Annotated[int, Ge(1), Le(10**6)]
    input_size: Size


@dataclass(frozen=True)
class Form:
    """The form of a run's recorded steps."""

    __pydantic_config__ = STRICT

    stacks: Annotated[dict[Word, StackForm], Field(min_length=1, max_length=16)]
    """Name of the module → what it is."""
    steps: Annotated[int, Ge(1), Le(MOST_STEPS)]
    """Optimiser steps of the whole run."""
    record_every: Annotated[int, Ge(1), Le(MOST_STEPS)]
    """Steps 1, 1 + record_every, 1 + 2 record_every, … are recorded."""
    timesteps: Annotated[int, Ge(1), Le(10**6)]
    batch_size: Size
    samples: Indices
    """Sequences of the batch whose states are kept."""
    units: Indices
    """Units whose states are kept."""
    dtype: Dtype
    truncate: Annotated[int, Ge(1), Le(2**63 - 1)] | None = None
    """Timesteps of a block or a window of truncated BPTT."""
    truncate_kind: TruncateKind = "blocks"
    weights: Annotated[dict[Word, Annotated[list[Length], Field(max_length=4)]], Field(max_length=4096)] = field(
        default_factory=dict
    )
    """Parameter, in torch's names → its shape; in this order they lie in the array `weights`."""
    targets: TargetForm | None = None
    whole: WholeForm | None = None
    """The network's inputs, which are kept where no stack reads all of them: the places of a picture, then words."""
    keeps: Keeps = "layers"
    """What a recorded step has: `quantiles` of the gradients only, as runs before had them; the weights, too; or all
    that a `LayerRecord` needs."""
    watched: bool = False
    """Whether the module is somebody's own: of its loss, its targets and what clipping left nothing is known; a step
    may have shorter sequences and fewer of them, or not reach the module at all: the array `lengths` says so."""
    unequal: bool = False
    """Whether the sequences of a batch differ in length: the array `lengths` has the timesteps of each."""
    most_recorded: Size | None = None
    """Recorded steps that there is room for; None for all."""
    axes: Annotated[dict[Word, Word], Field(max_length=32)] = field(default_factory=dict, compare=False)
    """Axis of the arrays → what it means, in the words of the program that wrote it: later ones have more axes."""

    @property
    def stack(self) -> StackForm:
        """The only stack: each module of a watched network has a form of its own."""
        return next(iter(self.stacks.values()))

    @property
    def input_size(self) -> int:
        """Numbers in an input of the network: of its stack, where that reads them all."""
        return self.stack.input_size if self.whole is None else self.whole.input_size

    @property
    def top(self) -> int:
        """The top layer, forwards, on the axis `layer`."""
        return -self.stack.num_directions

    @property
    def record_count(self) -> int:
        """Recorded steps of the whole run."""
        count = -(-self.steps // self.record_every)
        return count if self.most_recorded is None else min(count, self.most_recorded)

    @property
    def weight_count(self) -> int:
        """Numbers in all weights together."""
        return sum(prod(shape) for shape in self.weights.values())

    def wrong_part(self) -> str | None:
        """The name of what does not go with the rest; None where all of it does."""
        for name, stack in self.stacks.items():
            if not set(stack.options) <= set(stack.cell_type.option_names):
                return f"form.stacks.{name}.options"
            if stack.projection is not None and (stack.cell != "lstm" or stack.projection >= stack.hidden_size):
                return f"form.stacks.{name}.projection"
            for k, suffix in enumerate(stack.suffixes):
                for parameter, shape in stack.shapes(k // stack.num_directions).items():
                    if self.weights.get(f"{name}.{parameter}_{suffix}") != list(shape):
                        return "form.weights"
        if max(self.samples) >= self.batch_size:
            return "form.samples"
        if max(self.units) >= self.stack.hidden_size:
            return "form.units"
        return "form.keeps" if self.keeps == "layers" and len(self.units) < self.stack.hidden_size else None

    def lacks(self) -> str:
        """A sentence about the data that a recorded step of this run lacks, and why; empty if it lacks none."""
        if self.keeps == "quantiles":
            return (
                "This run keeps no weights, since an earlier version recorded it; train it again to see its Jacobians, "
                "exponents, paths and diagnosis."
            )
        if self.keeps == "weights":
            kept, all_units = len(self.units), self.stack.hidden_size
            again = "watch it without units=" if self.watched else "train it with record_units=none"
            return (
                f"This run keeps the states of {kept} of its {all_units} units, and an analysis needs all; {again} to "
                "see its Jacobians, exponents, paths and diagnosis."
            )
        return ""

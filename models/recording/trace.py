"""The trace of one recorded pass: its layers, grouped by recurrent module."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, NoReturn

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from models.bptt.scaled import LN_2, Scaled, scaled_log_norm, true_value
from models.recording.above import from_above
from models.recording.layer_record import LayerRecord


def layer_name(index: int, num_directions: int) -> str:
    """`layer 1`, with its direction if there are two."""
    layer, direction = divmod(index, num_directions)
    return f"layer {layer + 1}" + ("" if num_directions == 1 else (", forwards", ", backwards")[direction])


@dataclass(frozen=True, eq=False)
class Stack:
    """All layers and directions of one recurrent module: layer 2*l + d is layer l in direction d, as torch's `h_n`."""

    layers: tuple[LayerRecord, ...]
    num_directions: int = 1

    @property
    def top(self) -> LayerRecord:
        """The top layer, forwards."""
        return self.layers[-self.num_directions]

    def sequence(self, index: int) -> "Stack":
        """The layers of one sequence of the batch, without padding."""
        return Stack(tuple(layer.sequence(index) for layer in self.layers), self.num_directions)

    def until_longest(self) -> "Stack":
        """The layers without the timesteps that are padding in every sequence."""
        return Stack(tuple(layer.until_longest() for layer in self.layers), self.num_directions)

    def above(self, index: int) -> tuple[LayerRecord, ...]:
        """The layers from the top one down to the one at `index`.

        Raises:
            ValueError: no such layer, or one below the top of a bidirectional stack: there a loss reaches a state on
                ways that run through time both forwards and backwards.
        """
        count = len(self.layers)
        if not 0 <= index < count:
            raise ValueError(f"layer was {index}; this stack has layers 0 to {count - 1}.")
        if self.num_directions == 1:
            return self.layers[index:][::-1]
        if index < count - 2:
            raise ValueError(
                f"layer was {index}; with two directions it must be of the top layer, {count - 2} or {count - 1}."
            )
        return self.layers[index : index + 1]


@dataclass(frozen=True, eq=False)
class Trace:
    """One forward and backward pass, step by step.

    The arrays are those of the only stack, [layer, time, batch, unit]; time is h_1 … h_T at their input positions, in
    the reverse direction too. A true gradient is its direction times exp(log_scale); it may be far outside of what the
    dtype can hold, its log norm is not.
    """

    stacks: dict[str, Stack]
    """The module's name → its layers; `recurrent` for a SequenceModel."""
    outputs: Float[Tensor, "time batch output"]
    """The readout at every timestep; of a watched module its own output."""
    loss: Float[Tensor, ""] | None
    """The loss; None for a watched module, which does not know it."""
    parameter_grads: dict[str, Tensor]
    """Name as in `model.named_parameters()` → dL/dW, unclipped."""
    parameter_log_norm: dict[str, float]
    """Name → ln‖dL/dW‖₂ (nats), also where the gradient itself overflows its dtype."""
    path: str
    """The engine that made this: `reference` or `fast`."""
    attention: Float[Tensor, "reader batch read"] | None = None
    """The attention weights, [reader, batch, time that is read]: the readers are a decoder's timesteps, or the one
    answer of a head. Each reader's weights add up to 1; None without attention."""
    grad_picture: Scaled | None = None
    """dL/d(pixel), [place, batch, pixel], of a network that reads a picture; None for others, and for recorded steps
    of a run."""

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            of_layer = hasattr(LayerRecord, name) or name in LayerRecord.__dataclass_fields__
            where = "; a layer of it has one: take trace.top, or one of trace.layers" if of_layer else ""
            raise AttributeError(f"a Trace has no {name}{where}")

    @property
    def stack(self) -> Stack:
        """The only stack.

        Raises:
            ValueError: there are several; take one from `stacks`.
        """
        if len(self.stacks) != 1:
            raise ValueError(f"This trace has the stacks {', '.join(self.stacks)}; take one of them from trace.stacks.")
        return next(iter(self.stacks.values()))

    def only(self, name: str | None = None) -> "Trace":
        """The same pass with one of its stacks; the last one, which the outputs are read from, if none is named.

        Raises:
            ValueError: no such stack.
        """
        name = next(reversed(self.stacks)) if name is None else name
        if name not in self.stacks:
            raise ValueError(f"stack was {name!r}; this trace has the stacks {', '.join(self.stacks)}.")
        return self if len(self.stacks) == 1 else replace(self, stacks={name: self.stacks[name]})

    @property
    def layers(self) -> tuple[LayerRecord, ...]:
        """The layers of the only stack."""
        return self.stack.layers

    @property
    def top(self) -> LayerRecord:
        """The top layer of the only stack, forwards."""
        return self.stack.top

    @property
    def num_directions(self) -> int:
        """1, or 2 for a bidirectional network."""
        return self.stack.num_directions

    @property
    def loss_value(self) -> float:
        """The loss as a number.

        Raises:
            ValueError: a watched module's trace, which has none.
        """
        if self.loss is None:
            raise ValueError("This trace has no loss, since it is a watched module's; ask the code that computed it.")
        return self.loss.item()

    @property
    def truncate(self) -> int | None:
        """Truncated BPTT: the timesteps of a block or of a window; None for none."""
        return self.layers[0].truncate

    @property
    def seq_len(self) -> int:
        """Number of timesteps."""
        return self.layers[0].seq_len

    @property
    def inputs(self) -> Float[Tensor, "time batch input"]:
        """x_t."""
        return self.layers[0].inputs

    @cached_property
    def hidden(self) -> Float[Tensor, "layer time batch unit"]:
        """h_t."""
        return stacked([layer.after[0] for layer in self.layers])

    @cached_property
    def cell_state(self) -> Float[Tensor, "layer time batch unit"] | None:
        """c_t; None for a cell without one."""
        return stacked([layer.after[1] for layer in self.layers]) if self._has_cell_state else None

    @cached_property
    def gates(self) -> dict[str, Float[Tensor, "layer time batch unit"]]:
        """Gate → values, torch's names and order: LSTM i f g o, GRU r z n, Elman none."""
        return {name: stacked([layer.gates[name] for layer in self.layers]) for name in self.layers[0].gates}

    @cached_property
    def grad_hidden(self) -> Float[Tensor, "layer time batch unit"]:
        """Direction of the total gradient dL/dh_t."""
        return stacked([layer.total[0].parts[0] for layer in self.layers])

    @cached_property
    def grad_cell(self) -> Float[Tensor, "layer time batch unit"] | None:
        """Direction of the total gradient dL/dc_t, the path through h_t included."""
        return stacked([layer.total[1].parts[0] for layer in self.layers]) if self._has_cell_state else None

    @cached_property
    def log_scale(self) -> Float64[Tensor, "layer time batch"]:
        """Nats: the true gradients are `grad_hidden * exp(log_scale)` and `grad_cell * exp(cell_log_scale)`."""
        return torch.stack([layer.log_scale for layer in self.layers])

    @cached_property
    def cell_log_scale(self) -> Float64[Tensor, "layer time batch"] | None:
        """As `log_scale`, except where no dtype could hold dL/dh_t and dL/dc_t on one scale: saturated units."""
        if not self._has_cell_state:
            return None
        return torch.stack([layer.total[1].exponent for layer in self.layers]).double() * LN_2

    @cached_property
    def direct_grad_hidden(self) -> Float[Tensor, "layer time batch unit"]:
        """The direct gradient: the loss's gradient of h_t that does not pass through h_{t+1}."""
        return stacked([true_value(x.direct[0]) for x in self.layers])

    @cached_property
    def direct_log_norm(self) -> Float64[Tensor, "layer time batch"]:
        """ln‖direct gradient‖₂, right also where `direct_grad_hidden` falls below the dtype's smallest number."""
        return stacked([layer.direct_log_norm for layer in self.layers])

    @cached_property
    def log_norm(self) -> Float64[Tensor, "layer time batch"]:
        """ln‖dL/dh_t‖₂ (nats); -inf only where the gradient is exactly zero, NaN in padding."""
        return stacked([layer.log_norm for layer in self.layers])

    @cached_property
    def cell_log_norm(self) -> Float64[Tensor, "layer time batch"] | None:
        """ln‖dL/dc_t‖₂ (nats) where the cell has a cell state."""
        return torch.stack([scaled_log_norm(x.total[1]) for x in self.layers]) if self._has_cell_state else None

    @cached_property
    def input_log_norm(self) -> Float64[Tensor, "time batch"]:
        """ln‖dL/dx_t‖₂ (nats); NaN in padding."""
        first, *others = [layer.grad_inputs for layer in self.layers[: self.num_directions]]
        size = scaled_log_norm(sum(others, first))
        pad = self.layers[0].padding
        return size if pad is None else size.masked_fill(pad, torch.nan)

    @cached_property
    def grad_inputs(self) -> Float64[Tensor, "time batch input"]:
        """The true dL/dx_t, float64: 0 or Inf where it cannot hold it; zero in padding."""
        first, *others = [layer.grad_inputs for layer in self.layers[: self.num_directions]]
        return true_value(sum(others, first))

    @property
    def grad_initial(self) -> tuple[Float[Tensor, "layer batch unit"], ...]:
        """dL/dh_0, and dL/dc_0 where the cell has a cell state; 0 or Inf where the dtype cannot hold it."""
        by_part = zip(*(layer.grad_start for layer in self.layers), strict=True)
        return tuple(torch.stack([true_value(start) for start in starts]) for starts in by_part)

    @property
    def total_grad_hidden(self) -> Float[Tensor, "layer time batch unit"]:
        """The true dL/dh_t in the model's dtype: 0 or Inf where the dtype cannot hold it."""
        return stacked([true_value(x.total[0]) for x in self.layers])

    @property
    def total_grad_cell(self) -> Float[Tensor, "layer time batch unit"] | None:
        """The true dL/dc_t in the model's dtype, as `total_grad_hidden`."""
        if not self._has_cell_state:
            return None
        return stacked([true_value(x.total[1]) for x in self.layers])

    def _repr_html_(self) -> str:
        """A table and a picture, for notebooks."""
        return str(from_above("analysis.figures.notebook", "show_trace")(self))

    @property
    def _has_cell_state(self) -> bool:
        return len(self.layers[0].after) == 2


def stacked(parts: Sequence[Tensor]) -> Tensor:
    """[layer, …]; a view where there is one layer."""
    return parts[0].unsqueeze(0) if len(parts) == 1 else torch.stack(list(parts))

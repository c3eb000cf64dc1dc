"""All layers and directions of one recurrent module, forwards and backwards, by either engine."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from models.bptt.backward_layers import backward_layers
from models.bptt.engine import Engine
from models.bptt.lengths import padding
from models.bptt.scaled import Scaled
from models.bptt.truncation import Blocks, TruncateKind
from models.bptt.windows import backward_windows
from models.cells.cell import Cell, State
from models.recording.layer_record import LayerStates
from models.recording.trace import Stack


@dataclass(frozen=True, eq=False)
class StackBackward:
    """The result of the backward pass of a stack."""

    stack: Stack
    parameter_grads: list[dict[str, tuple[Tensor, float]]]
    """For each layer and direction: the cell's parameter → dL/dW, and ln of its norm (nats)."""


def forward_stack(
    engine: Engine,
    cells: Sequence[Cell],
    num_directions: int,
    inputs: Float[Tensor, "time batch input"],
    start: Sequence[State] | None = None,
    lengths: Int64[Tensor, " batch"] | None = None,
    masks: Sequence[Float[Tensor, "time batch feature"]] = (),
) -> list[LayerStates]:
    """The states of every layer and direction, in torch's order 2*l + d.

    Args:
        engine: which of the two.
        cells: one per layer and direction; their weights are copied.
        num_directions: 1 or 2.
        inputs: of the first layer.
        start: s_0 of each layer and direction; zeros if left out.
        lengths: timesteps of each sequence; None if all are equal.
        masks: factors on each layer's output on its way to the layer above (dropout); empty for none.
    """
    layers: list[LayerStates] = []
    x = inputs.detach() if inputs.requires_grad else inputs
    if lengths is not None:
        x = x.masked_fill(padding(len(x), lengths)[..., None], 0)
    for first in range(0, len(cells), num_directions):
        for k in range(first, first + num_directions):
            cell = cells[k].with_weights(lambda weight: weight.detach().clone())
            s_0 = cell.initial_state(inputs.shape[1]) if start is None else tuple(s.detach() for s in start[k])
            layers.append(engine.forward(cell, x, s_0, reverse=k % num_directions == 1, lengths=lengths))
        x = side_by_side([layer.hidden for layer in layers[first:]])
        if masks and len(layers) < len(cells):
            x = x * masks[first // num_directions]
    return layers


def backward_stack(
    engine: Engine,
    layers: Sequence[LayerStates],
    num_directions: int,
    direct: Sequence[Scaled | None],
    truncate: int | None = None,
    truncate_kind: TruncateKind = "blocks",
    masks: Sequence[Float[Tensor, "time batch feature"]] = (),
) -> StackBackward:
    """Run the backward pass of all layers, from the top layer down.

    Args:
        engine: the engine that ran the layers forwards.
        layers: the result of `forward_stack`.
        num_directions: 1 or 2.
        direct: the direct gradient of each layer and direction: of h_t, and of c_t if there is a second part;
            None for no direct gradient.
        truncate: see `models.record`.
        truncate_kind: see `models.record`.
        masks: as in `forward_stack`.
    """
    if truncate is None:
        result = backward_layers(engine, layers, num_directions, direct, None, masks)
    elif truncate_kind == "blocks":
        result = backward_layers(engine, layers, num_directions, direct, Blocks(truncate), masks)
    else:
        result = backward_windows(engine, layers, num_directions, direct, truncate, masks)
    records = result.records
    if truncate is not None:
        records = [replace(layer, truncate=truncate, truncate_kind=truncate_kind) for layer in records]
    dtype = layers[0].inputs.dtype
    grads = [
        {name: (grad.true_value().to(dtype), grad.log_norm()) for name, grad in of_cell.items()}
        for of_cell in result.parameter_grads
    ]
    return StackBackward(Stack(tuple(records), num_directions), grads)


def side_by_side(parts: Sequence[Tensor]) -> Tensor:
    """[time, batch, unit] of each direction → [time, batch, direction * unit]; no copy for one direction."""
    return parts[0] if len(parts) == 1 else torch.cat(list(parts), dim=-1)


def taken_apart(whole: Tensor, num_directions: int) -> list[Tensor]:
    """[time, batch, direction * unit] → [time, batch, unit] of each direction; no copy for one direction."""
    return [part.contiguous() for part in (whole.chunk(num_directions, dim=-1) if num_directions > 1 else [whole])]

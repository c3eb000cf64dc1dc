"""All layers and directions of one recurrent module, forwards and backwards, by either engine.

Each layer's input gradients are the direct gradients of the layer below.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from models.bptt.engine import Engine
from models.bptt.scaled import Scaled
from models.cells.cell import Cell, State
from models.recording.layer_record import LayerRecord, LayerStates, padding
from models.recording.trace import Stack


@dataclass(frozen=True, eq=False)
class StackBackward:
    """What the backward pass of a stack gives."""

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
        lengths: timesteps of each sequence; None where all are the same.
        masks: what each layer's output is multiplied by on its way to the layer above: dropout; none if empty.
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
    masks: Sequence[Float[Tensor, "time batch feature"]] = (),
) -> StackBackward:
    """From the top layer down.

    Args:
        engine: the one that ran the layers forwards.
        layers: what `forward_stack` gave.
        num_directions: 1 or 2.
        direct: what the loss itself sends to each layer and direction: to h_t, and to c_t if there is a second part;
            None for nothing.
        truncate: see `models.record`.
        masks: as in `forward_stack`.
    """
    records: dict[int, LayerRecord] = {}
    parameter_grads: dict[int, dict[str, tuple[Tensor, float]]] = {}
    from_above: list[Scaled | None] = [None] * num_directions
    for first in reversed(range(0, len(layers), num_directions)):
        grad_inputs: list[Scaled] = []
        for k in range(first, first + num_directions):
            given = add_direct(layers[k], direct[k], from_above[k - first])
            result = engine.backward(layers[k], given, truncate, through_inputs=first > 0)
            records[k], parameter_grads[k] = result.record, result.parameter_grads
            if result.grad_inputs is not None:
                grad_inputs.append(result.grad_inputs)
        if grad_inputs:
            total = grad_inputs[0] if num_directions == 1 else grad_inputs[0].plus(grad_inputs[1])
            grad = total.parts[0] * masks[first // num_directions - 1] if masks else total.parts[0]
            H = layers[0].cell.hidden_size
            from_above = [Scaled((part.contiguous(),), total.exponent) for part in grad.split(H, dim=-1)]
    order = range(len(layers))
    return StackBackward(Stack(tuple(records[k] for k in order), num_directions), [parameter_grads[k] for k in order])


def add_direct(layer: LayerStates, own: Scaled | None, from_above: Scaled | None) -> Scaled:
    """What the loss and the layer above send to a layer's states, zero in padding."""
    if own is None and from_above is None:
        return Scaled.of(torch.zeros_like(layer.hidden))
    if own is None or from_above is None:
        given = own or from_above
        assert given is not None
    else:
        others = tuple(torch.zeros_like(part) for part in own.parts[1:])
        given = own + Scaled((*from_above.parts, *others), from_above.exponent)
    pad = layer.padding
    if pad is not None:
        given = Scaled(tuple(part.masked_fill(pad[..., None], 0) for part in given.parts), given.exponent)
    return given


def side_by_side(parts: Sequence[Tensor]) -> Tensor:
    """[time, batch, unit] of each direction → [time, batch, direction * unit]; no copy for one direction."""
    return parts[0] if len(parts) == 1 else torch.cat(list(parts), dim=-1)

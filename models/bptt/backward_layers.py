"""The backward pass of all layers and directions: each layer sends its input gradients to the layer below."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from models.bptt.engine import Engine
from models.bptt.scaled import Scaled
from models.bptt.truncation import Blocks
from models.bptt.weight_gradient import WeightGradient
from models.recording.layer_record import LayerRecord, LayerStates


@dataclass(frozen=True, eq=False)
class LayersBackward:
    """The result of a backward pass, for each layer and direction."""

    records: list[LayerRecord]
    parameter_grads: list[dict[str, WeightGradient]]
    """The cell's parameter → dL/dW."""


def backward_layers(
    engine: Engine,
    layers: Sequence[LayerStates],
    num_directions: int,
    direct: Sequence[Scaled | None],
    blocks: Blocks | None,
    masks: Sequence[Float[Tensor, "time batch feature"]] = (),
) -> LayersBackward:
    """Run the backward pass from the top layer down; `blocks` says where the gradient stops. See `backward_stack`."""
    records: dict[int, LayerRecord] = {}
    parameter_grads: dict[int, dict[str, WeightGradient]] = {}
    from_above: list[Scaled | None] = [None] * num_directions
    for first in reversed(range(0, len(layers), num_directions)):
        grad_inputs: list[Scaled] = []
        for k in range(first, first + num_directions):
            given = add_direct(layers[k], direct[k], from_above[k - first])
            result = engine.backward(layers[k], given, blocks, through_inputs=first > 0)
            records[k], parameter_grads[k] = result.record, result.parameter_grads
            if result.grad_inputs is not None:
                grad_inputs.append(result.grad_inputs)
        if grad_inputs:
            total = grad_inputs[0] if num_directions == 1 else grad_inputs[0].plus(grad_inputs[1])
            grad = total.parts[0] * masks[first // num_directions - 1] if masks else total.parts[0]
            H = layers[0].cell.hidden_size
            from_above = [Scaled((part.contiguous(),), total.exponent) for part in grad.split(H, dim=-1)]
    order = range(len(layers))
    return LayersBackward([records[k] for k in order], [parameter_grads[k] for k in order])


def add_direct(layer: LayerStates, own: Scaled | None, from_above: Scaled | None) -> Scaled:
    """The direct gradient of a layer's states: the loss's part plus the part of the layer above; zero in padding."""
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

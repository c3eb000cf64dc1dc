"""Truncated BPTT by a window that slides with each loss, as a sum of passes in blocks: see `models.bptt.truncation`."""

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from models.bptt.backward_layers import LayersBackward, backward_layers
from models.bptt.engine import Engine
from models.bptt.scaled import Scaled, scaled_log_norm
from models.bptt.truncation import Blocks
from models.recording.layer_record import LayerRecord, LayerStates


def backward_windows(
    engine: Engine,
    layers: Sequence[LayerStates],
    num_directions: int,
    direct: Sequence[Scaled | None],
    steps: int,
    masks: Sequence[Float[Tensor, "time batch feature"]] = (),
) -> LayersBackward:
    """The backward pass in which each loss reaches the `steps` latest states; see `backward_stack` for the arguments.

    It runs one pass for each remainder r = position mod `steps`, if the loss has a gradient at such a position.
    """
    positions = torch.arange(layers[0].seq_len, device=layers[0].inputs.device)
    passes: list[LayersBackward] = []
    for r in range(min(steps, len(positions))):
        sent = [None if x is None else only_at(positions % steps == r, x) for x in direct]
        if passes and not any(x is not None and any(bool((part != 0).any()) for part in x.parts) for x in sent):
            continue
        passes.append(backward_layers(engine, layers, num_directions, sent, Blocks(steps, r + 1), masks))
    return reduce(add, passes)


def only_at(chosen: Bool[Tensor, " time"], x: Scaled) -> Scaled:
    """The gradient with zeros at all other positions."""
    return Scaled(tuple(torch.where(chosen[:, None, None], part, 0) for part in x.parts), x.exponent)


def add(one: LayersBackward, other: LayersBackward) -> LayersBackward:
    """The sum of the gradients of two passes."""
    return LayersBackward(
        [add_records(a, b) for a, b in zip(one.records, other.records, strict=True)],
        [
            {name: grad + theirs[name] for name, grad in ours.items()}
            for ours, theirs in zip(one.parameter_grads, other.parameter_grads, strict=True)
        ],
    )


def add_records(one: LayerRecord, other: LayerRecord) -> LayerRecord:
    """The record of the same states, with the sum of both gradients."""
    total, direct = add_parts(one.total, other.total), add_parts(one.direct, other.direct)
    pad = one.padding

    def norms(x: Scaled) -> Tensor:
        return scaled_log_norm(x) if pad is None else scaled_log_norm(x).masked_fill(pad, torch.nan)

    return replace(
        one,
        total=total,
        direct=direct,
        log_norm=norms(total[0]),
        direct_log_norm=norms(direct[0]),
        grad_start=add_parts(one.grad_start, other.grad_start),
    )


def add_parts(one: tuple[Scaled, ...], other: tuple[Scaled, ...]) -> tuple[Scaled, ...]:
    """The sums for h and for c, on one scale if their dtype holds both."""
    sums = [a + b for a, b in zip(one, other, strict=True)]
    common = torch.stack([x.exponent for x in sums if bool((x.parts[0] != 0).any())] or [sums[0].exponent]).amax(dim=0)
    return tuple(x.held(common, x.parts[0].dtype) for x in sums)

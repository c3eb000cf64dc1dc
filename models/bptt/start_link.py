"""From the last state of one stack to the start state of another, and the gradient's way back."""

from collections.abc import Sequence

import torch

from models.bptt.scaled import Scaled, together
from models.cells.cell import State
from models.recording.layer_record import LayerStates


def last_state(layer: LayerStates) -> State:
    """s_T of every sequence, [batch, unit]."""
    if layer.lengths is None:
        return tuple(s[-1] for s in layer.after)
    return tuple(s[layer.lengths - 1, torch.arange(layer.batch_size)] for s in layer.after)


def crossing(
    encoder: Sequence[LayerStates], to_last: Sequence[tuple[Scaled, ...]], by_attention: Scaled
) -> list[Scaled | None]:
    """The gradients that arrive from the decoder at each of the encoder's layers.

    Args:
        encoder: its layers.
        to_last: for each layer, dL/d(the decoder's start state), which is the encoder's last state.
        by_attention: what the attention sends to the top layer's h_t.
    """
    sent = [at_last(layer, together(start)) for layer, start in zip(encoder, to_last, strict=True)]
    top = sent[-1]
    others = tuple(torch.zeros_like(part) for part in top.parts[1:])
    return [*sent[:-1], top.plus(Scaled((*by_attention.parts, *others), by_attention.exponent))]


def at_last(layer: LayerStates, start: Scaled) -> Scaled:
    """A gradient of every sequence's last state, written as a gradient of all timesteps."""
    T, B = layer.seq_len, layer.batch_size
    last = torch.full((B,), T - 1) if layer.lengths is None else layer.lengths - 1
    exponent = start.exponent.new_zeros(T, B)
    exponent[last, torch.arange(B)] = start.exponent
    parts = tuple(part.new_zeros(T, *part.shape) for part in start.parts)
    for whole, part in zip(parts, start.parts, strict=True):
        whole[last, torch.arange(B)] = part
    return Scaled(parts, exponent)

"""The two ways of the gradient from a decoder to its encoder: the decoder's start state, and the attention.

    dL/ds_t = (dL/d(start state), carried back to t) + (the attention's gradients, carried back to t)

The recursion is linear, so each way is carried back on its own, and the two add up to the recorded gradient.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from models.bptt.recursion import ReferenceEngine
from models.bptt.scaled import Scaled, scaled_log_norm, together
from models.bptt.stack_pass import backward_stack
from models.bptt.start_link import at_last
from models.recording.trace import Stack

Way = Literal["state", "attention"]
WAYS: tuple[Way, ...] = ("state", "attention")


@dataclass(frozen=True, eq=False)
class Crossing:
    """The two ways to one layer of the encoder, over the source's timesteps."""

    log_norm: dict[Way, Float[ndarray, "time batch"]]
    """Way → ln‖dL/dh_t‖₂ of its part alone (nats); −inf if nothing crossed on it, NaN in padding."""
    share: dict[Way, Float[ndarray, "time batch"]]
    """Way → g_way·g / g·g with g = dL/dh_t: the two add up to 1. Negative where a way works against the total.

    NaN where dL/dh_t is zero or diverged, and in padding.
    """
    total_log_norm: Float[ndarray, "time batch"]
    """ln of the norm of the two ways' sum (nats): the recorded ln‖dL/dh_t‖₂."""


def crossing(encoder: Stack, decoder: Stack, layer: int = -1) -> Crossing:
    """The two ways from a decoder to one layer of its encoder, computed in float64.

    Args:
        encoder: the recorded stack whose last state the decoder starts from.
        decoder: the recorded stack of as many layers, of the same pass.
        layer: of the encoder; the top one if left out.

    Raises:
        ValueError: stacks that are not an encoder and a decoder of one size in one direction.

    Example:
        >>> import torch
        >>> from analysis.crossing import crossing
        >>> from models import EncoderDecoder, record
        >>> model = EncoderDecoder("gru", input_size=3, hidden_size=4, output_size=2, attention="dot")
        >>> trace = record(model, torch.rand(9, 2, 3), lambda outputs: outputs.sum(), source=5)
        >>> found = crossing(trace.stacks["encoder"], trace.stacks["decoder"])
        >>> (found.share["state"] + found.share["attention"]).round(6)[:, 0]
        array([1., 1., 1., 1., 1.])
    """
    sizes = [(len(s.layers), s.num_directions, s.top.cell.hidden_size) for s in (encoder, decoder)]
    if sizes[0] != sizes[1] or encoder.num_directions != 1:
        raise ValueError(f"stacks have (layers, directions, units) {sizes}; both must be the same in one direction.")
    sent = [
        at_last(one, in_float64(together(two.grad_start)))
        for one, two in zip(encoder.layers, decoder.layers, strict=True)
    ]
    arrived = in_float64(together(encoder.layers[-1].direct))
    rest = arrived + Scaled(tuple(-part for part in sent[-1].parts), sent[-1].exponent)
    below: list[Scaled | None] = [None] * (len(sent) - 1)  # the attention reads the top layer alone
    runs = [one.in_float64() for one in encoder.layers]
    arriving: dict[Way, list[Scaled | None]] = {"state": [*sent], "attention": [*below, rest]}
    ways = {
        way: backward_stack(ReferenceEngine(), runs, 1, direct).stack.layers[layer].total[0]
        for way, direct in arriving.items()
    }
    total = ways["state"] + ways["attention"]
    pad = encoder.layers[layer].padding
    log_norm = {way: shown(scaled_log_norm(g), pad) for way, g in ways.items()}
    share = {way: shown(share_of(g, total), pad) for way, g in ways.items()}
    return Crossing(log_norm, share, shown(scaled_log_norm(total), pad))


def in_float64(x: Scaled) -> Scaled:
    """The same numbers in float64."""
    return Scaled(tuple(part.double() for part in x.parts), x.exponent)


def share_of(way: Scaled, total: Scaled) -> Float[Tensor, "time batch"]:
    """g_way·g / g·g, with both relative to the size of g."""
    size = total.magnitude()
    size = torch.where(size < -(2**61), torch.zeros_like(size), size)  # all of it is zero
    (g,), (g_way,) = total.at(size).parts, way.at(size).parts
    return (g_way * g).sum(-1) / (g * g).sum(-1)


def shown(values: Tensor, padding: Tensor | None) -> ndarray:
    """The values as numpy arrays, NaN in padding."""
    array: ndarray = (values if padding is None else values.masked_fill(padding, torch.nan)).cpu().numpy()
    return array

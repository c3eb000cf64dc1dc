"""A stack whose input is partly made from its own last state: both passes go step by step, over all layers at once.

    x_t = [word_t, context(h_{t−1})],    s_t = step(x_t, s_{t−1})
    dL/dh_{t−1} = direct + (∂s_t/∂h_{t−1})ᵀ dL/ds_t + (∂context/∂h_{t−1})ᵀ dL/dcontext_t

For the recurrence the last term is a direct gradient: it does not pass through the cell's own state.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from models.bptt.engine import Engine
from models.bptt.scaled import Scaled, together
from models.bptt.stack_pass import StackBackward, backward_stack
from models.cells.cell import Cell, State
from models.recording.layer_record import LayerStates, without_padding


class Feed(ABC):
    """The part of the next input that is computed from the top layer's last state."""

    @abstractmethod
    def read(self, hidden: Float[Tensor, "batch unit"]) -> Float[Tensor, "batch context"]:
        """The context of the next step; it is remembered for `back`."""

    @abstractmethod
    def back(self, t: int, grad: Scaled) -> Scaled:
        """From dL/dcontext_t to dL/dh_{t−1}; the source of the context also gets its part of the gradient."""


def forward_fed(
    engine: Engine,
    cells: Sequence[Cell],
    words: Float[Tensor, "time batch word"],
    start: Sequence[State],
    feed: Feed,
    lengths: Tensor | None = None,
) -> list[LayerStates]:
    """The states of every layer, one direction."""
    T, B, I = words.shape
    inputs = words.new_zeros(T, B, I + cells[-1].hidden_size)
    inputs[..., :I] = words
    layers: list[LayerStates] = []
    for cell, s_0 in zip(cells, start, strict=True):
        below = layers[-1].hidden if layers else inputs
        own = cell.with_weights(lambda weight: weight.detach().clone())
        layers.append(engine.begin(own, below, s_0))
    hidden = start[-1][0]
    for t in range(T):
        inputs[t, :, I:] = feed.read(hidden)
        for layer in layers:
            engine.step(layer, t)
        hidden = layers[-1].hidden[t]
    return [with_lengths(layer, lengths) for layer in layers]


def with_lengths(layer: LayerStates, lengths: Tensor | None) -> LayerStates:
    """The states with the sequences' lengths, zero in padding."""
    return layer if lengths is None else without_padding(replace(layer, lengths=lengths))


def backward_fed(
    engine: Engine,
    layers: Sequence[LayerStates],
    direct: Float[Tensor, "time batch unit"],
    feed: Feed,
) -> StackBackward:
    """The backward pass from the last step; `direct` is what the loss sends to the top layer's h_t.

    The top layer's dL/dh_0 has what the first context sends to it.
    """
    T, size = len(direct), layers[-1].cell.hidden_size
    carried = [Scaled.of(*(torch.zeros_like(s[0]) for s in layer.after)) for layer in layers]
    arriving: list[Scaled] = []  # at the top layer's h_t without the recurrence, the last timestep first
    queried = Scaled.of(torch.zeros_like(direct[0]))
    for t in reversed(range(T)):
        from_above = Scaled.of(direct[t]).plus(queried)
        arriving.append(from_above)
        for k in reversed(range(len(layers))):
            back = engine.backward(engine.at(layers[k], t), with_zeros(from_above, carried[k]), None, True)
            assert back.grad_inputs is not None
            carried[k], from_above = (
                ordinary(x, direct.dtype) for x in (together(back.record.grad_start), back.grad_inputs[0])
            )
        (to_input,) = from_above.parts
        queried = ordinary(feed.back(t, Scaled((to_input[:, -size:],), from_above.exponent)), direct.dtype)
    sent = Scaled(
        (torch.stack([x.parts[0] for x in reversed(arriving)]),),
        torch.stack([x.exponent for x in reversed(arriving)]),
    )
    below: list[Scaled | None] = [None] * (len(layers) - 1)
    result = backward_stack(engine, layers, 1, [*below, sent])
    *others, top = result.stack.layers
    to_hidden, *rest = top.grad_start
    top = replace(top, grad_start=(to_hidden.plus(queried), *rest))
    return replace(result, stack=replace(result.stack, layers=(*others, top)))


def with_zeros(to_hidden: Scaled, carried: Scaled) -> Scaled:
    """A gradient of h_t beside the recurrence's of (h_t, c_t), as a sequence of one step."""
    others = tuple(torch.zeros_like(part) for part in carried.parts[1:])
    total = carried.plus(Scaled((*to_hidden.parts, *others), to_hidden.exponent))
    return Scaled(tuple(part[None] for part in total.parts), total.exponent[None])


COMFORTABLE = 40
"""2^±40 times what an engine gives with an exponent is within every dtype's range."""


def ordinary(x: Scaled, dtype: torch.dtype) -> Scaled:
    """The same numbers in a dtype, with exponent 0 if the dtype can hold them so."""
    zero = torch.zeros_like(x.exponent)
    if x.parts[0].dtype == dtype:
        largest = int(x.exponent.abs().max())
        if largest <= COMFORTABLE:  # as nearly always: no need to look at the numbers themselves
            return x if largest == 0 else x.at(zero)
    return x.held(zero, dtype)

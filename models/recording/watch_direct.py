"""The direct gradients of one call, assigned to the states of each layer."""

import torch
from torch import Tensor

from models.cells.cell import State
from models.recording.watch_call import Call


def direct_states(call: Call) -> list[State]:
    """The direct gradients of h_t (and c_t) of each layer and direction: everything but the recurrence.

    Each tensor is [time, batch, unit]. A state without a part for c received no gradient there.
    """
    form, dtype, D = call.form, call.inputs.dtype, call.num_directions
    to_output = call.output.direct
    sides = () if to_output is None else form.sequence(to_output).to(dtype).chunk(D, dim=-1)
    below = len(call.cells) - D  # the output is the top layer's
    to_ends = [None if end.direct is None else form.state(end.direct).to(dtype) for end in call.ends]
    states: list[State] = []
    for k in range(len(call.cells)):
        ends = [None if grad is None else grad[k] for grad in to_ends]
        h = part_of_state(call, k, 0, sides[k - below] if sides and k >= below else None, ends[0])
        c = [part_of_state(call, k, 1, None, end) for end in ends[1:] if end is not None]
        states.append((h, *c))
    return states


def part_of_state(call: Call, k: int, which: int, of_output: Tensor | None, of_end: Tensor | None) -> Tensor:
    """For h or c of layer k: the output's gradient at every t, plus the last state's gradient if it was read."""
    T, B, _ = call.inputs.shape
    if of_output is None:
        grad = call.inputs.new_zeros(T, B, call.cells[k].state_sizes[which])
    else:
        grad = of_output.clone(memory_format=torch.contiguous_format)
    if of_end is not None:
        lengths = call.lengths
        last = 0 if k % call.num_directions == 1 else T - 1 if lengths is None else lengths - 1
        grad[last, torch.arange(B)] += of_end
    return grad

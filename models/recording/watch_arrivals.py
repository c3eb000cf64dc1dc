"""What backward sends to a tensor that a watched call gave: all of it, and how much comes through the recurrence.

The gradient of a state that a later call takes is the total one. The direct gradient is what is left of it without what
the later call itself sends back: that is read off the later call's own nodes of autograd's graph.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

Edge = tuple[Any, int]
"""A node of autograd's graph, and which of its outputs: where a tensor's gradient goes."""


@dataclass(eq=False)
class Arrivals:
    """The gradients of one tensor in the backward pass that goes on."""

    total: Tensor | None = None
    recurrent: list[Tensor] = field(default_factory=list)
    """What watched calls send, in the order in which autograd adds it."""

    @property
    def direct(self) -> Tensor | None:
        """What arrives on other ways; exactly zero where nothing does."""
        if self.total is None or not self.recurrent:
            return self.total
        sent = self.recurrent[0]
        for more in self.recurrent[1:]:
            sent = sent + more
        # Where both are infinite there is no difference; nothing that is known came on another way.
        return torch.where(self.total == sent, 0, self.total - sent)

    def clear(self) -> None:
        """Forget what has arrived: another backward pass may follow."""
        self.total = None
        self.recurrent.clear()


def listen(tensor: Tensor, arrivals: Arrivals, then: Callable[[], None]) -> None:
    """Note the tensor's gradient when it is complete; the gradient itself stays as it is.

    Of a view the gradient of its base is noted: if the view is changed in place, its own node is cut off.
    """
    base, size, stride = tensor._base, tensor.size(), tensor.stride()
    is_whole = base is not None and base.numel() == tensor.numel() and base.is_contiguous()

    def note(grad: Tensor | None) -> None:
        if grad is None:  # one node gives several outputs, of which the loss uses another
            return
        arrivals.total = grad.detach().contiguous().as_strided(size, stride) if is_whole else grad.detach()
        then()

    (base if base is not None and is_whole else tensor).register_hook(note)


def listen_inside(
    outputs: Sequence[Tensor], targets: Iterable[tuple[Tensor, Arrivals]], stops: Iterable[Tensor]
) -> None:
    """Note what one call's own nodes send to each target.

    Args:
        outputs: of the call.
        targets: tensors that the call uses inside, with where to note what it sends to them.
        stops: tensors from before the call: inputs and weights.
    """
    wanted: dict[Edge, Arrivals] = {edge_of(tensor): arrivals for tensor, arrivals in targets}
    seen = {node for node, _ in wanted} | {s.grad_fn for s in stops if s.grad_fn is not None}
    own = [o.grad_fn for o in outputs if o.grad_fn is not None]
    seen -= set(own)
    waiting = list(dict.fromkeys(own))
    done = set(waiting)
    while waiting:
        node = waiting.pop()
        sends = [(k, wanted[edge]) for k, edge in enumerate(node.next_functions) if edge in wanted]
        if sends:
            node.register_hook(note_sent(sends))
        for following, _ in node.next_functions:
            if following is not None and following not in seen and following not in done:
                done.add(following)
                waiting.append(following)


def note_sent(sends: list[tuple[int, Arrivals]]) -> Callable[[Sequence[Tensor | None], object], None]:
    """A node's hook that notes what it sends on the given edges."""

    def note(grad_inputs: Sequence[Tensor | None], grad_outputs: object) -> None:
        for k, arrivals in sends:
            grad = grad_inputs[k]
            if grad is not None:
                arrivals.recurrent.append(grad.detach())

    return note


def edge_of(tensor: Tensor) -> Edge:
    """Where the tensor's gradient goes; it must have been computed."""
    return tensor.grad_fn, tensor.output_nr

"""The gradient of a tensor that a watched call returned: the total, and the part that comes through the recurrence.

If a later call takes a state as its start, autograd gives the state's total gradient. The direct gradient is the total
minus the part that the later call sends back. That part is read from the later call's nodes in autograd's graph.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

Edge = tuple[Any, int]
"""A node of autograd's graph and the index of one of its outputs: the place where a tensor's gradient goes."""


@dataclass(eq=False)
class Arrivals:
    """The gradients of one tensor in the current backward pass."""

    total: Tensor | None = None
    recurrent: list[Tensor] = field(default_factory=list)
    """The gradients that watched calls send, in the order in which autograd adds them."""
    is_vectorized: bool = False
    """Whether many gradients came at once, which nobody may copy."""

    @property
    def direct(self) -> Tensor | None:
        """The gradient that arrives on other ways; exactly zero if nothing arrives."""
        if self.total is None or not self.recurrent:
            return self.total
        sent, *others = (grad.reshape(self.total.shape) for grad in self.recurrent)  # a cell's own c has a batch axis
        for more in others:
            sent = sent + more
        # Where both are infinite there is no difference; nothing that is known came on another way.
        return torch.where(self.total == sent, 0, self.total - sent)

    def clear(self) -> None:
        """Forget all gradients: another backward pass may follow."""
        self.total, self.is_vectorized = None, False
        self.recurrent.clear()

    def take(self, grad: Tensor, size: torch.Size | None = None, stride: tuple[int, ...] = ()) -> None:
        """The total gradient; of a base's, the part of a view of this size and stride."""
        try:
            self.total = grad.detach() if size is None else grad.detach().contiguous().as_strided(size, stride)
        except RuntimeError:
            self.is_vectorized = True

    def take_recurrent(self, grad: Tensor) -> None:
        """A gradient that a watched call sends."""
        try:
            self.recurrent.append(grad.detach())
        except RuntimeError:
            self.is_vectorized = True


def listen(tensor: Tensor, arrivals: Arrivals, then: Callable[[], None]) -> None:
    """Note the tensor's gradient when it is complete, without changing it.

    It is noted at the node that made the tensor, and so after the hooks of the tensor, which may change it.
    """
    made, size, stride = made_tensor(tensor), tensor.size(), tensor.stride()
    (node, which), is_view = edge_of(made), made is not tensor

    def note(grads: Sequence[Tensor | None]) -> None:
        grad = grads[which]
        if grad is None:  # one node gives several outputs, of which the loss uses another
            return
        if is_view:
            arrivals.take(grad, size, stride)
        else:
            arrivals.take(grad)
        then()

    node.register_prehook(note)


def made_tensor(tensor: Tensor) -> Tensor:
    """The tensor that a view shows the whole of, else the tensor itself: where its gradient is noted.

    A cell without a batch axis returns views of the states that it computes with. And an in-place change of a view cuts
    off the view's own node.
    """
    base = tensor._base
    return base if base is not None and base.numel() == tensor.numel() and base.is_contiguous() else tensor


def listen_inside(
    outputs: Sequence[Tensor], targets: Iterable[tuple[Tensor, Arrivals]], stops: Iterable[Tensor]
) -> None:
    """Note the gradients that the nodes of one call send to each target.

    Args:
        outputs: the call's outputs, as it has made them (see `made_tensor`).
        targets: tensors that the call uses inside, each with the place where its gradient is noted.
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
    """A hook for a node: it notes the gradients that the node sends on the given edges."""

    def note(grad_inputs: Sequence[Tensor | None], grad_outputs: object) -> None:
        for k, arrivals in sends:
            grad = grad_inputs[k]
            if grad is not None:
                arrivals.take_recurrent(grad)

    return note


def edge_of(tensor: Tensor) -> Edge:
    """The place where the tensor's gradient goes; the tensor must be the result of a computation."""
    return tensor.grad_fn, tensor.output_nr

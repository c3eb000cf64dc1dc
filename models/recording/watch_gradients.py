"""Whether the traces of a backward pass account for all of the gradient that autograd gave to the weights."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import partial

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from models.recording.trace import Trace
from models.recording.watch_hook import Hook

APART = 1e-3
"""Share of the gradient's norm by which both may differ."""


class Received:
    """The gradients that the weights of one module get from autograd in each backward pass."""

    def __init__(self) -> None:
        self._of_passes: dict[int, dict[nn.Parameter, Tensor]] = {}
        self._hooks: list[RemovableHandle] = []

    def attach(self, weights: Iterable[nn.Parameter]) -> None:
        """Note them from now on, as they are behind all hooks that the weights have now."""
        self.detach()
        self._hooks += [w.register_hook(Hook(partial(self._note, w))) for w in weights if w.requires_grad and w.is_leaf]

    def detach(self) -> None:
        """Remove all hooks."""
        for handle in self._hooks:
            handle.remove()
        self._hooks = []

    def of_pass(self, task: int) -> dict[nn.Parameter, Tensor]:
        """Weight → its gradient in this pass, as it was when it came. Then all are forgotten."""
        found = self._of_passes.get(task, {})
        self._of_passes.clear()
        return found

    def _note(self, weight: nn.Parameter, grad: Tensor) -> None:
        with suppress(RuntimeError):  # a vectorized pass, whose gradients nobody may copy
            task = torch._C._current_graph_task_id()
            self._of_passes.setdefault(task, {})[weight] = grad.detach().clone()


def unaccounted(
    received: Mapping[nn.Parameter, Tensor],
    traces: Iterable[tuple[str, nn.Module, Iterable[Trace]]],
) -> set[nn.Parameter]:
    """The weights that got another gradient than the traces add up to.

    A penalty on a weight, a second derivative, a use that is not recorded and a hook on the weight all do that.

    Args:
        received: weight → its gradient.
        traces: each module's name, itself, and its traces of the pass.
    """
    sums: dict[nn.Parameter, Tensor] = {}
    for name, module, of_module in traces:
        for own, weight in module.named_parameters(remove_duplicate=False):  # a weight may have two names
            key = f"{name}.{own}".lstrip(".")
            for grad in (trace.parameter_grads[key] for trace in of_module if key in trace.parameter_grads):
                sums[weight] = sums[weight] + grad if weight in sums else grad
    return {weight for weight, ours in sums.items() if weight in received and differ(ours, received[weight])}


def differ(ours: Tensor, theirs: Tensor) -> bool:
    """Whether two gradients are different by more than their rounding. What is not finite differs from nothing."""
    size, apart = theirs.double().norm(), (ours.double() - theirs.double()).norm()
    return bool(apart.isfinite() and size.isfinite() and apart > APART * size)

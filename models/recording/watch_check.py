"""Whether a watched call did what torch's module does, and whether its layers, run again, came where it came."""

import functools
import inspect
import math
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.nn.modules import module as torch_modules
from torch.nn.utils import parametrize
from torch.nn.utils.rnn import PackedSequence

from models.recording.watch_hook import Hook
from models.recording.watch_weights import KINDS, RecurrentModule

ROUNDING = 16
"""Relative difference of equal results in units of their dtype's rounding: some kernels add in changing order."""
FAR = 0.01
"""Share of the largest output by which a pass that is run again may differ, or more where the dtype is short."""
UNITS = 8
"""The same in units of the dtype's rounding."""


def may_do_more(module: RecurrentModule) -> bool:
    """Whether a subclass or a hook may make of a call something else than torch's own class does.

    The module's own forward hooks come after ours: what they change is outside of what is recorded.
    """
    before = all(isinstance(hook, Hook) for hook in module._forward_pre_hooks.values())
    everywhere = torch_modules._global_forward_hooks or torch_modules._global_forward_pre_hooks
    # a parametrization makes a class of its own, whose properties are the weights
    made_as = type(module).__bases__[0] if parametrize.is_parametrized(module) else type(module)
    is_plain = computes_as_torch(made_as) and not vars(module).keys() & METHODS
    return not (is_plain and before) or bool(everywhere)


METHODS = {name for kind in KINDS for name, value in inspect.getmembers(kind, inspect.isfunction)} - {"__init__"}
"""What a module can be changed by; how it is made does not matter."""


@functools.cache
def computes_as_torch(kind: type[RecurrentModule]) -> bool:
    """Whether the class has all methods from torch's own one."""
    own = next(own for own in KINDS if issubclass(kind, own))
    return all(getattr(kind, name, None) is getattr(own, name, None) for name in METHODS)


def does_more(
    module: RecurrentModule, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any, random_state: Tensor | None
) -> bool:
    """Whether the call's result is not that of torch's own class on the same inputs, or came on another way.

    Args:
        module: the module that was called.
        args: of the call, after all hooks before it.
        kwargs: the same.
        result: what the call gave to its caller.
        random_state: the CPU's random state before the call, if the call drew dropout masks.
    """
    kind: Any = next(kind for kind in KINDS if isinstance(module, kind))
    now = torch.get_rng_state()
    if random_state is not None:
        torch.set_rng_state(random_state)
    try:
        with saved_tensors_hooks(unchanged, unchanged):  # a checkpoint counts what is saved, and this is not the user's
            expected = kind.forward(module, *args, **kwargs)
    finally:
        torch.set_rng_state(now)
    mine, theirs = flattened(expected), flattened(result)
    return len(mine) != len(theirs) or not all(agree(a, b) for a, b in zip(mine, theirs, strict=True))


def unchanged(x: Tensor) -> Tensor:
    """The same."""
    return x


def flattened(result: Any) -> list[Tensor]:
    """The tensors of a call's result, as torch's classes give them."""
    if isinstance(result, PackedSequence):
        return [result.data]
    if isinstance(result, tuple):
        return [tensor for part in result for tensor in flattened(part)]
    return [result] if isinstance(result, Tensor) else []


def agree(a: Tensor, b: Tensor) -> bool:
    """Whether two results are equal, up to the order of a sum, and were made by the same operation."""
    if a.shape != b.shape or a.dtype != b.dtype or len({operation(a), operation(b)} - {COMPILED}) > 1:
        return False
    a, b = a.detach(), b.detach()  # what is computed with them is not the user's to save
    rounding, finite = ROUNDING * torch.finfo(a.dtype).eps, b[b.isfinite()]
    small = rounding * float(finite.abs().max()) if finite.numel() else 0.0
    return torch.allclose(a, b, rtol=rounding, atol=small, equal_nan=True)


COMPILED = "CompiledFunctionBackward"
"""What torch.compile makes of all operations."""


def operation(x: Tensor) -> str:
    """The name of the node that made a tensor."""
    return "" if x.grad_fn is None else x.grad_fn.name()


def came_elsewhere(
    gave: Float[Tensor, "time batch feature"],
    ours: Float[Tensor, "time batch feature"],
    lengths: Int64[Tensor, " batch"] | None,
    rounding: float,
) -> bool:
    """Whether the outputs, run again, are far from the module's: in a chaotic network rounding alone does that.

    Args:
        gave: the module's own outputs.
        ours: run again.
        lengths: timesteps of each sequence; None if all are equal.
        rounding: the largest relative one of the calls.
    """
    if lengths is not None:
        is_real = (torch.arange(len(gave), device=gave.device)[:, None] < lengths)[..., None]
        gave, ours = torch.where(is_real, gave, 0), torch.where(is_real, ours, 0)
    far = max(FAR, UNITS * rounding)
    largest = largest_size(gave)
    if math.isfinite(largest + largest_size(ours)):
        return largest_size(gave - ours) > far * largest
    finite = gave.isfinite()
    if not torch.equal(finite, ours.isfinite()):
        return True
    gave, ours = torch.where(finite, gave, 0), torch.where(finite, ours, 0)
    return largest_size(gave - ours) > far * largest_size(gave)


def largest_size(x: Tensor) -> float:
    """The largest absolute number, without a copy of the size of x; NaN where one is."""
    least, most = torch.aminmax(x)
    return float(torch.maximum(-least, most))

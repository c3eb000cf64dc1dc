"""What is said of a watched module: why a call is not recorded, and what has to be known of a trace."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor
from torch.nn.utils import parametrize

from models.recording.trace import Trace
from models.recording.watch_check import does_more, may_do_more
from models.recording.watch_weights import RecurrentModule

DOES_MORE = (
    "gave another result than torch's own class does: a subclass, a hook or random numbers of a hook change it; leave "
    "them out, or put them into a module around it"
)
MAY_DO_MORE = (
    "has parametrized weights and is a subclass with methods of its own, or has hooks before its call, so that nobody "
    "can check what it gives; leave one of them out"
)


ELSEWHERE = (
    "is so sensitive that rounding has led the recorded pass away from its own: sizes are typical of it, single "
    "numbers are another pass's"
)
WEIGHTS_ALONE = (
    "was reached by the last backward pass at its weights alone: the pass went through the graph of a gradient, or its "
    "forward pass was not recorded; the trace is of the pass before"
)
APART = "was called {calls} times, and {why}: each trace has one timestep, so that nothing can be said about time"
STATES_APART = "no call got the very state that the one before had given, neither copied, reshaped nor detached"
MORE_GRADIENT = (
    "has weights that got another gradient than the trace accounts for: from a penalty, a second derivative, a hook or "
    "a call that is not recorded"
)


def apart(traces: Sequence[Trace]) -> str:
    """Why calls of one timestep each are no sequence."""
    weights = [[w for layer in trace.layers for w in layer.cell.weights.values()] for trace in traces]
    moved = any(not torch.equal(a, b) for pair in pairwise(weights) for a, b in zip(*pair, strict=True))
    why = "its weights changed between them" if moved else STATES_APART
    return APART.format(calls=len(traces), why=why)


def nothing_to_record(output: Tensor) -> str:
    """Why there is nothing to record; empty if there is something."""
    if torch._C._get_tracing_state() is not None or isinstance(output, FakeTensor):
        return "was called while its program was exported or traced"
    if not output.requires_grad:
        return "has no gradient: neither its weights nor its inputs require one"
    return "was called without a sequence or a timestep" if output.numel() == 0 else ""


def refusal(
    module: RecurrentModule, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any, random_state: Tensor | None
) -> str:
    """Why a call cannot be recorded; empty if it can be. See `does_more` for the arguments."""
    weight: nn.Parameter = next(module.parameters())
    if weight.is_complex():
        return "computes with complex numbers, which are not recorded"
    if random_state is not None and weight.device.type != "cpu":
        return "draws its dropout on the GPU, where the masks cannot be drawn again; set its dropout to 0"
    if len(args) > 2 or kwargs.keys() - {"input", "hx"}:
        return "was called with other arguments than torch's own class takes"
    if not may_do_more(module):
        return ""
    if parametrize.is_parametrized(module):  # to compute them once more may move them on
        return MAY_DO_MORE
    return DOES_MORE if does_more(module, args, kwargs, result, random_state) else ""


def spoken_name(name: str, module: nn.Module) -> str:
    """The module's name for a sentence."""
    kind = type(module).__name__
    article = "an" if kind.startswith(("LSTM", "RNN", "A", "E", "I", "O")) else "a"
    return f"{name!r}, {article} {kind}," if name else f"The {kind}"

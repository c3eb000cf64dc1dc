"""Conditions that report a problem of a training, or stop it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from numbers import Integral, Real

import torch
from torch import Tensor

from models.recording.layer_record import LayerRecord
from models.recording.trace import Trace, layer_name

Condition = Callable[[Trace], str | None]
"""A module's trace → the problem, as the rest of a sentence; None if there is none."""
Logged = Sequence[tuple[int, Mapping[str, float]]]
"""The numbers of the last steps: the step, and name → number."""


@dataclass(frozen=True)
class LogCondition:
    """A condition on what is logged."""

    names: tuple[str, ...]
    """It is looked at when one of these is logged."""
    check: Callable[[Logged], str | None]
    """The problem, as the rest of a sentence; None if there is none."""


class AlertError(RuntimeError):
    """A requested condition holds; raised from the user's own `backward`, or from `log`."""


@dataclass(frozen=True)
class Alert:
    """A condition, and the action if it holds."""

    condition: Condition | LogCondition
    then: Callable[[str], object] | None

    def tell(self, sentence: str) -> None:
        """Say that the condition holds.

        Raises:
            AlertError: nothing else is to be done then.
        """
        if self.then is None:
            raise AlertError(sentence)
        self.then(sentence)


def gradient_below(share: float, lag: int) -> Condition:
    """Holds if ‖dL/dh_t‖ at a lag is below a share of its size at lag 0: top layer, forwards, largest of the batch.

    Args:
        share: such as 1e-6.
        lag: steps back from each sequence's end; shorter sequences are left out.

    Raises:
        ValueError: a share that is not above 0, or a lag that is not a whole number of at least 1.
    """
    check_number("share", share, above=0.0)
    check_whole("lag", lag)

    def condition(trace: Trace) -> str | None:
        by_lag = trace.top.ended_together(trace.top.log_norm).flip(0)
        left = [float(x) for x in by_lag[lag] - by_lag[0] if not x.isnan()] if lag < len(by_lag) else []
        if not left or max(left) >= math.log(share):
            return None
        return f"the gradient at lag {lag} is below {share:g} of its size at lag 0"

    return condition


def not_finite() -> Condition:
    """Holds if a state or a gradient is not finite; says where Inf or NaN appears first, forwards and backwards."""

    def condition(trace: Trace) -> str | None:
        for k, layer in enumerate(trace.layers):  # upwards, as the states are computed
            bad = ~layer.hidden.isfinite().all(dim=-1).all(dim=-1)
            if (t := first_read(layer, bad)) is not None:
                return f"Inf or NaN first in the states of {layer_name(k, trace.num_directions)}, at t = {t}"
        for k in reversed(range(len(trace.layers))):  # downwards, as the gradients are
            layer = trace.layers[k]
            bad = ~(layer.log_norm < math.inf)
            bad = (bad if layer.padding is None else bad & ~layer.padding).any(dim=-1)
            if (t := first_read(layer, bad, backwards=True)) is not None:
                return f"Inf or NaN first in the gradients of {layer_name(k, trace.num_directions)}, at t = {t}"
        return None

    return condition


def first_read(layer: LayerRecord, bad: Tensor, backwards: bool = False) -> int | None:
    """The timestep from 1 at which `bad` [time] first holds, in the order in which a direction reads or its reverse."""
    places = torch.nonzero(bad).flatten()
    if not len(places):
        return None
    return 1 + int(places[-1] if layer.reverse != backwards else places[0])


def check_number(name: str, value: object, above: float, most: float = math.inf) -> None:
    """Raise a ValueError unless a number is above one and at most another."""
    if isinstance(value, bool) or not isinstance(value, Real) or not above < float(value) <= most:
        ends = f"above {above:g}" if most == math.inf else f"above {above:g} and at most {most:g}"
        raise ValueError(f"{name} was {value!r:.100}; it must be a number {ends}.")


def check_whole(name: str, value: object) -> None:
    """Raise a ValueError unless it is a whole number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise ValueError(f"{name} was {value!r:.100}; it must be a whole number of at least 1.")


def clipping_engaged(share: float, steps: int) -> LogCondition:
    """Holds if clipping made the gradient smaller in at least this share of the last steps.

    Log what it takes: `norm = clip_grad_norm_(parameters, 1.0)`, then `seen.log(grad_norm=norm, clip=1.0)`.

    Args:
        share: from 0 to 1, such as 0.9.
        steps: how many of the last steps with both numbers are looked at; before there are so many, it does not hold.

    Raises:
        ValueError: a share that is not above 0 and at most 1, or steps that are not a whole number of at least 1.
    """
    check_number("share", share, above=0.0, most=1.0)
    check_whole("steps", steps)

    def check(logged: Logged) -> str | None:
        known = ((v["grad_norm"], v["clip"]) for _, v in reversed(logged) if "grad_norm" in v and "clip" in v)
        engaged = [norm > threshold for norm, threshold in islice(known, steps)]
        if len(engaged) < steps or sum(engaged) < share * steps:
            return None
        return f"clipping engaged in {sum(engaged)} of the last {steps} steps"

    return LogCondition(("grad_norm", "clip"), check)

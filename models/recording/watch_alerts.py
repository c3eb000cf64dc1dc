"""Conditions on a recorded step that a training should be told of, or stopped by."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from models.recording.trace import Trace

Condition = Callable[[Trace], str | None]
"""From a module's trace to what is the matter, in the rest of a sentence; None where all is well."""


class AlertError(RuntimeError):
    """A condition that was asked for holds; raised out of the user's own `backward`."""


@dataclass(frozen=True)
class Alert:
    """A condition, and what to do where it holds."""

    condition: Condition
    then: Callable[[str], object] | None

    def check(self, name: str, trace: Trace) -> None:
        """Tell what is the matter with a trace, if anything is.

        Raises:
            AlertError: the condition holds, and nothing else is to be done then.
        """
        words = self.condition(trace)
        if words is None:
            return
        sentence = f"{name or 'the watched module'}: {words}."
        if self.then is None:
            raise AlertError(sentence)
        self.then(sentence)


def gradient_below(share: float, lag: int) -> Condition:
    """Holds where ‖dL/dh_t‖ at a lag is below a share of its size at lag 0: top layer, forwards, largest of the batch.

    Args:
        share: such as 1e-6.
        lag: steps back from each sequence's end; shorter sequences are left out.
    """

    def condition(trace: Trace) -> str | None:
        by_lag = trace.top.ended_together(trace.top.log_norm).flip(0)
        left = [float(x) for x in by_lag[lag] - by_lag[0] if not x.isnan()] if lag < len(by_lag) else []
        if not left or max(left) >= math.log(share):
            return None
        return f"the gradient at lag {lag} is below {share:g} of its size at lag 0"

    return condition


def not_finite() -> Condition:
    """Holds where a state or a gradient is not finite; says where the first one is."""

    def condition(trace: Trace) -> str | None:
        for k, layer in enumerate(trace.layers):
            bad = ~layer.hidden.isfinite().all(dim=-1).all(dim=-1)
            if bool(bad.any()):
                return f"a state of layer {k} is not finite at t = {int(bad.nonzero()[0]) + 1}"
            if layer.broken_gradients:
                return f"{layer.broken_gradients} gradients of layer {k} are not finite"
        return None

    return condition

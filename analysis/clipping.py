"""Gradient clipping, by the global norm and by other rules; what is left, and which parameters changed."""

import math
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from analysis.step_clipping import StepClipping, step_clipping
from models.bptt.lognorm import log_norm_of_all
from models.recording.trace import Trace

ClipRule = Literal["norm", "value", "per_parameter", "squared_norm", "per_step"]
CLIP_RULES: tuple[ClipRule, ...] = get_args(ClipRule)
AFTER_THE_PASS = tuple(rule for rule in CLIP_RULES if rule != "per_step")
"""The rules of `clip`: they act on the gradient when BPTT is over."""


@dataclass(frozen=True, eq=False)
class Clipping:
    """A gradient before and after clipping. Log norms are in nats. `cosine` compares both directions: 1 if the gradient
    was only scaled, NaN if it is zero or not finite. Clipping does not change numbers that are NaN."""

    rule: ClipRule
    threshold: float | None
    grads: dict[str, Tensor]
    """Parameter → its clipped gradient. A NaN stays one; of a norm that is Inf or NaN nothing finite is left but 0."""
    log_norm_before: float
    log_norm_after: float
    cosine: float
    parameter_log_norm_before: dict[str, float]
    parameter_log_norm_after: dict[str, float]
    steps: tuple[StepClipping, ...] = ()
    """Of `per_step`: where in time each layer was clipped, the last stack's top layer last."""

    @property
    def engaged(self) -> bool:
        """Whether clipping changed anything."""
        return bool(self.touched)

    @property
    def touched(self) -> tuple[str, ...]:
        """Names of the parameters whose gradients changed; a NaN has no norm by which that could be told."""
        before = self.parameter_log_norm_before
        after = self.parameter_log_norm_after
        return tuple(name for name in after if before[name] != after[name] and not math.isnan(before[name]))


def clip(
    grads: dict[str, Tensor],
    threshold: float | None,
    rule: ClipRule = "norm",
    log_norms: dict[str, float] | None = None,
) -> Clipping:
    """Clip a gradient by one of the four rules that act when BPTT is over.

    - `norm`: g·min(1, τ/‖g‖) with the norm over all parameters (Pascanu et al. 2013, Algorithm 1).
    - `value`: each entry is limited to [−τ, τ]. Often credited to Graves (2013), who did something else: `per_step`,
      see `clipped_inside`.
    - `per_parameter`: the rule `norm` for each parameter by itself.
    - `squared_norm`: a lecture slide's g·τ/‖g‖² where ‖g‖² > τ: the larger the gradient, the smaller the step.

    Args:
        grads: parameter → gradient.
        threshold: τ > 0, or None for no clipping.
        rule: one of the four.
        log_norms: ln‖g‖ of each parameter, if it is known better than `grads` tell: a Trace knows it for
            gradients that their dtype cannot hold.

    Raises:
        ValueError: no gradients, an unknown rule, or a threshold that is not above 0.

    Example:
        >>> import torch
        >>> clipped = clip({"weight": torch.tensor([3.0, 4.0])}, threshold=1.0)
        >>> clipped.engaged, clipped.grads["weight"]
        (True, tensor([0.6000, 0.8000]))
    """
    if not grads:
        raise ValueError("grads is empty; it must have the gradient of at least one parameter.")
    if rule not in AFTER_THE_PASS:
        raise ValueError(f"rule was {rule!r}; it must be one of {', '.join(AFTER_THE_PASS)}.")
    if threshold is not None and not threshold > 0:
        raise ValueError(f"threshold was {threshold}; it must be above 0, or None for no clipping.")
    before = log_norms or {name: log_norm_of_all(g) for name, g in grads.items()}
    total = total_log_norm(before)
    if threshold is None:
        unchanged = cosine_of_scaling(before, before, total, total)
        return Clipping(rule, None, dict(grads), total, total, unchanged, before, dict(before))
    if rule == "value":
        clipped = {name: g.clamp(-threshold, threshold) for name, g in grads.items()}
        after = {name: log_norm_of_all(g) for name, g in clipped.items()}
        return Clipping(rule, threshold, clipped, total, total_log_norm(after), cosine(grads, clipped), before, after)

    log_factor = {
        name: log_scale(total if rule != "per_parameter" else b, threshold, rule) for name, b in before.items()
    }
    clipped = {name: times_exp(g, log_factor[name]) for name, g in grads.items()}
    after = {name: b + log_factor[name] for name, b in before.items()}
    after_total = total_log_norm(after)
    return Clipping(
        rule,
        threshold,
        clipped,
        total,
        after_total,
        cosine_of_scaling(before, after, total, after_total),
        before,
        after,
    )


def clipped_inside(true: Trace, clipped: Trace | None, threshold: float | None) -> Clipping:
    """The rule `per_step`: what a pass with clipping at every timestep leaves of the true gradient (Graves 2013).

    He limited the derivatives at the LSTM's inputs, before the squashing functions, to [−10, 10] inside BPTT. The pass
    does so for every cell: `models.bptt.step_limit`.

    Args:
        true: the recorded pass without clipping.
        clipped: the same with `record(…, step_threshold=threshold)`; None without a threshold.
        threshold: τ > 0, or None for no clipping.
    """
    layers = [] if clipped is None else [layer for stack in clipped.stacks.values() for layer in stack.layers]
    steps = () if threshold is None else tuple(step_clipping(layer, threshold) for layer in layers)
    ended = clipped if clipped is not None and any(step.engaged for step in steps) else true
    before, after = dict(true.parameter_log_norm), dict(ended.parameter_log_norm)
    return Clipping(
        "per_step",
        threshold,
        dict(ended.parameter_grads),
        total_log_norm(before),
        total_log_norm(after),
        cosine(true.parameter_grads, ended.parameter_grads),
        before,
        after,
        steps,
    )


def times_exp(x: Tensor, log: float) -> Tensor:
    """x · e^log for log ≤ 0, by as many equal factors as it takes that x's dtype can hold each."""
    parts = max(1, math.ceil(log / math.log(torch.finfo(x.dtype).tiny))) if math.isfinite(log) else 1
    for _ in range(parts):
        x = x * math.exp(log / parts)
    return x


def log_scale(log_norm_before: float, threshold: float, rule: ClipRule) -> float:
    """ln of the factor by which a rule scales a gradient of this log norm; 0 if it does not clip."""
    compared = 2 * log_norm_before if rule == "squared_norm" else log_norm_before
    return min(0.0, math.log(threshold) - compared)


def total_log_norm(log_norms: dict[str, float]) -> float:
    """ln of the norm over all parameters together (nats)."""
    squares = torch.tensor([2 * value for value in log_norms.values()], dtype=torch.float64)
    return torch.logsumexp(squares, dim=0).item() / 2


def cosine(a: dict[str, Tensor], b: dict[str, Tensor]) -> float:
    """Cosine of the angle between two gradients over all parameters; NaN if one of them is zero or not finite."""
    x = torch.cat([g.flatten() for g in a.values()]).double()
    y = torch.cat([g.flatten() for g in b.values()]).double()
    return (
        torch.dot(x / x.abs().max(), y / y.abs().max()) / (x / x.abs().max()).norm() / (y / y.abs().max()).norm()
    ).item()


def cosine_of_scaling(
    before: dict[str, float], after: dict[str, float], total_before: float, total_after: float
) -> float:
    """Cosine between a gradient and its copy with each parameter scaled: Σ‖a_p‖‖b_p‖ / (‖a‖‖b‖), all in logs."""
    products = torch.tensor([before[name] + after[name] for name in before], dtype=torch.float64)
    return math.exp(min(torch.logsumexp(products, dim=0).item() - total_before - total_after, 0.0))

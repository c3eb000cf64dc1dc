"""Find the first Inf or NaN of a step."""

import math

import torch
from torch import Tensor

from analysis.clipping import Clipping
from models import Trace
from models.networks.network import Network
from models.recording.trace import layer_name


def is_finite(trace: Trace, clipping: Clipping) -> bool:
    """Whether the loss, the gradient's norm and every number of the clipped gradient are finite."""
    log_norm = clipping.log_norm_before
    return (
        math.isfinite(trace.loss_value)
        and not (math.isnan(log_norm) or log_norm == math.inf)
        and all(bool(grad.isfinite().all()) for grad in clipping.grads.values())
    )


def first_culprit(model: Network, trace: Trace, clipping: Clipping) -> str:
    """The first tensor that is not finite, in the order in which a step computes them, in words.

    Weights, then states from t = 1 on, outputs, the loss, gradients from t = T back, then parameter gradients.
    """
    for name, parameter in model.named_parameters():
        if not parameter.isfinite().all():
            return f"the weights {name}"
    several = len(trace.stacks) > 1
    stacks = {f"the {name}'s " if several else "": trace.only(name) for name in trace.stacks}
    for whose, stack in stacks.items():
        forwards = {"hidden": stack.hidden} | ({} if stack.cell_state is None else {"cell_state": stack.cell_state})
        for name, states in forwards.items():
            if (where := broken(~states.isfinite().all(dim=-1))) is not None:
                return f"{whose}{name} {place(where, stack.num_directions)}"
    if not trace.outputs.isfinite().all():
        return "the outputs"
    if not math.isfinite(trace.loss_value):
        return "the loss"
    for whose, stack in reversed(stacks.items()):
        bad = torch.stack([layer.log_norm.isnan() | (layer.log_norm == math.inf) for layer in stack.layers])
        if (pad := stack.layers[0].padding) is not None:
            bad &= ~pad
        if (where := broken(bad.flip(1))) is not None:
            layer, t, sample = where
            return f"{whose}dL/dh {place((layer, bad.shape[1] - 1 - t, sample), stack.num_directions)}"
    for name, size in clipping.parameter_log_norm_before.items():
        if math.isnan(size) or size == math.inf:
            return f"the gradient of {name}"
    for name, grad in clipping.grads.items():
        if not grad.isfinite().all():
            return f"the gradient of {name}, which is larger than its dtype can hold"
    return "nothing that is kept"


def broken(bad: Tensor) -> tuple[int, int, int] | None:
    """Layer, timestep (from 0) and sample of the first True of [layer, time, batch], the earliest timestep first."""
    found = torch.nonzero(bad.transpose(0, 1))
    if not len(found):
        return None
    t, layer, sample = found[0].tolist()
    return layer, t, sample


def place(where: tuple[int, int, int], num_directions: int) -> str:
    """`of layer 1 at t = 7, sample 3`: layers and timesteps from 1, the sample's index from 0."""
    layer, t, sample = where
    return f"of {layer_name(layer, num_directions)} at t = {t + 1}, sample {sample}"

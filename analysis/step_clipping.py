"""Where in time a clipping inside BPTT engages (Graves 2013)."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Float64
from numpy import ndarray
from torch import Tensor

from models.bptt.lognorm import log_norm
from models.bptt.scaled import LN_2
from models.bptt.step_limit import Seen, limited
from models.recording.layer_record import LayerRecord, recompute


@dataclass(frozen=True, eq=False)
class StepClipping:
    """The gradient da_t of a layer's preactivations at every timestep, before and after its limit."""

    share: Float64[ndarray, "time batch"]
    """The share of da_t's entries that were beyond the threshold, 0 to 1; NaN in padding."""
    log_norm_before: Float[ndarray, "time batch"]
    """ln‖da_t‖ (nats); NaN in padding."""
    log_norm_after: Float[ndarray, "time batch"]

    @property
    def engaged(self) -> bool:
        """Whether anything was clipped at any timestep."""
        return bool((self.share > 0).any())


def step_clipping(layer: LayerRecord, threshold: float) -> StepClipping:
    """What the limit took away at each timestep of a pass that was clipped with it.

    Args:
        layer: of a trace of `models.record(…, step_threshold=threshold)`.
        threshold: τ.
    """
    run, exponent = layer.in_float64(), layer.adjoint.magnitude()
    sent, seen = layer.adjoint.at(exponent), Seen()
    with torch.inference_mode(False), torch.enable_grad():
        inputs = run.inputs.clone().requires_grad_()
        after = recompute(limited(run.cell, threshold, exponent.flatten(), seen), inputs, run.before)
        torch.autograd.grad(after, (inputs,), [part.flatten(0, 1) for part in sent.parts], allow_unused=True)
    before, kept = (torch.cat(parts, dim=-1).unflatten(0, exponent.shape) for parts in zip(*seen, strict=True))
    nats, padding = exponent.double() * LN_2, layer.padding

    def within(numbers: Float[Tensor, "time batch"]) -> Float[ndarray, "time batch"]:
        return (numbers if padding is None else numbers.masked_fill(padding, torch.nan)).cpu().numpy()

    return StepClipping(
        share=within((before != kept).double().mean(dim=-1)),
        log_norm_before=within(log_norm(before) + nats),
        log_norm_after=within(log_norm(kept) + nats),
    )

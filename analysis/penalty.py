"""Pascanu's penalty Ω: how much each step's Jacobian changes the norm of the gradient that passes through it."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy import ndarray
from torch import Tensor

from analysis.jacobian import state_jacobian
from models.bptt.lognorm import log_norm
from models.recording.layer_record import LayerRecord, recompute


@dataclass(frozen=True, eq=False)
class NormPenalty:
    """Ω of one layer and direction."""

    omega: Float[ndarray, " batch"]
    """Σ_t (ratio_t − 1)² for each sample; 0 if every step keeps the norm."""
    ratio: Float[ndarray, "time batch"]
    """‖∂L/∂s_{t+1} J[t+1]‖ / ‖∂L/∂s_{t+1}‖ for t = 1 … T−1 in processing order.

    NaN if no gradient reaches s_{t+1}; such steps are not in the sum.
    """
    reason: str | None = None
    """Why a ratio is NaN, in a sentence; None if none is."""


def norm_penalty(layer: LayerRecord) -> NormPenalty:
    """Ω = Σ_t (‖∂L/∂s_{t+1} ∂s_{t+1}/∂s_t‖ / ‖∂L/∂s_{t+1}‖ − 1)² of a recorded pass (Pascanu et al. 2013, eq. 9).

    s is the joint state (h, c) of an LSTM. For a truncated pass, gradients are the truncated ones, Jacobians the full.

    Args:
        layer: a recorded layer.

    Example:
        >>> import torch
        >>> from models import SequenceModel, record
        >>> model = SequenceModel("elman", input_size=1, hidden_size=4, output_size=1, nonlinearity="identity")
        >>> model.recurrent.weight_hh_l0.data = 0.9 * torch.eye(4)
        >>> trace = record(model, torch.zeros(50, 2, 1), lambda outputs: outputs[-1].sum())
        >>> print(norm_penalty(trace.top).omega.round(4))  # 49 steps, each (0.9 − 1)²
        [0.49 0.49]
    """
    steps = layer.in_order()
    # The recorded dL/dc_t contains the way through h_t; the adjoint of the joint state holds h_t fixed.
    adjoint = layer.flipped(torch.cat(layer.adjoint.parts, dim=-1).cpu())
    if len(adjoint) < 2:
        return NormPenalty(
            np.zeros(adjoint.shape[1]),
            np.zeros((0, adjoint.shape[1])),
            "A sequence of one timestep has no step from one state to the next.",
        )
    carried = torch.stack(
        [torch.einsum("bi,bij->bj", adjoint[t], state_jacobian(steps[t])) for t in range(1, len(adjoint))]
    )
    before = log_norm(adjoint[1:])
    ratio = (log_norm(carried) - before).exp().numpy()
    ratio = np.where(np.isneginf(before.numpy()), np.nan, ratio)
    missing = bool(np.isnan(ratio).any())
    return NormPenalty(
        omega=np.nansum((ratio - 1) ** 2, axis=0),
        ratio=ratio,
        reason="Some steps have no gradient, or one that is not finite; they are left out of Ω." if missing else None,
    )


@dataclass(frozen=True, eq=False)
class PenaltyGradient:
    """Ω of one layer and direction for training."""

    omega: float
    """The mean over sequences."""
    grads: dict[str, Tensor]
    """The cell's parameter → ∂⁺Ω/∂θ, float64."""


def penalty_gradient(layer: LayerRecord) -> PenaltyGradient:
    """Ω and its immediate gradient: the states and ∂L/∂s_{t+1} count as constants (Pascanu et al. 2013, eq. 10).

    Steps without a gradient are left out, as in `norm_penalty`.

    Args:
        layer: a recorded layer; its sequences may differ in length.
    """
    run, adjoint = layer.in_float64(), layer.adjoint.at(layer.adjoint.magnitude())
    sent = torch.cat(adjoint.parts, dim=-1)
    norm = sent.norm(dim=-1, keepdim=True)
    counted = ((norm.squeeze(-1) > 0) & ~read_first(layer)).flatten()
    unit = tuple((part / torch.where(norm > 0, norm, 1.0)).flatten(0, 1) for part in adjoint.parts)
    with torch.inference_mode(False), torch.enable_grad():
        cell = run.cell.with_weights(lambda w: w.clone().requires_grad_())
        before = tuple(s.clone().requires_grad_() for s in run.before)
        after = recompute(cell, run.inputs, before)
        carried = torch.autograd.grad(after, before, unit, create_graph=True, allow_unused=True, materialize_grads=True)
        ratio = torch.cat(carried, dim=-1).flatten(0, 1).norm(dim=-1)
        omega = ((ratio - 1) ** 2)[counted].sum() / layer.batch_size
        weights = cell.weights
        if omega.requires_grad:
            grads = torch.autograd.grad(omega, list(weights.values()), allow_unused=True, materialize_grads=True)
        else:
            grads = tuple(torch.zeros_like(w) for w in weights.values())
    return PenaltyGradient(omega.item(), dict(zip(weights, grads, strict=True)))


def read_first(layer: LayerRecord) -> Bool[Tensor, "time batch"]:
    """The timestep that each sequence reads first: no step of the recursion leads from it to a state that is kept."""
    T, B, device = layer.seq_len, layer.batch_size, layer.inputs.device
    time = torch.arange(T, device=device)[:, None]
    if not layer.reverse:
        return (time == 0).expand(T, B)
    return time == (torch.full((B,), T, device=device) if layer.lengths is None else layer.lengths) - 1

"""Pascanu's Ω: how far each step's Jacobian is from keeping the norm of the gradient that passes through it."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from analysis.closed_form import lstm_slopes
from analysis.jacobian import is_reverse, layer_index, layer_steps, state_jacobian
from models.lognorm import log_norm
from models.lstm import LSTMCell
from models.sequence_model import SequenceModel
from models.trace import Trace


@dataclass(frozen=True, eq=False)
class NormPenalty:
    """Ω of one layer and direction."""

    omega: Float[ndarray, " batch"]
    """Σ_t (ratio_t − 1)², for each sample; 0 where every step keeps the norm."""
    ratio: Float[ndarray, "time batch"]
    """‖∂L/∂s_{t+1} J[t+1]‖ / ‖∂L/∂s_{t+1}‖ for t = 1 … T−1 in processing order.

    NaN where no gradient reaches s_{t+1}; such steps are not in the sum.
    """
    reason: str | None = None
    """A sentence where a ratio is NaN."""


def norm_penalty(model: SequenceModel, trace: Trace, layer: int | None = None) -> NormPenalty:
    """Ω = Σ_t (‖∂L/∂s_{t+1} ∂s_{t+1}/∂s_t‖ / ‖∂L/∂s_{t+1}‖ − 1)² of a recorded pass (Pascanu et al. 2013, eq. 9).

    s is the joint state (h, c) of an LSTM. A truncated trace is taken as it is: its gradients, the whole Jacobians.

    Args:
        model: the one that the trace was recorded with.
        trace: a recorded pass.
        layer: index in the trace's layer axis; None for the top layer, forwards.

    Raises:
        ValueError: no such layer, a cell with another state, or a trace of another model.
    """
    index = layer_index(trace, layer)
    steps = layer_steps(model, trace, index)

    def in_order(x: Tensor) -> Tensor:
        x = x.detach().cpu().double()
        return x.flip(0) if is_reverse(trace, index) else x

    adjoint = in_order(trace.grad_hidden[index])
    if trace.grad_cell is not None and trace.cell_log_scale is not None:
        if type(steps.cell) is not LSTMCell:
            raise ValueError(
                f"model has cells {type(steps.cell).__name__}; Ω knows the states h, and (h, c) of an LSTM."
            )
        # The trace's dL/dc_t contains the way through h_t; the adjoint of the joint state holds h_t fixed.
        relative = in_order((trace.cell_log_scale - trace.log_scale)[index].exp())[..., None]
        c = relative * in_order(trace.grad_cell[index]) - lstm_slopes(steps)[2] * adjoint
        adjoint = torch.cat([adjoint, c], dim=-1)
    if len(adjoint) < 2:
        return NormPenalty(
            np.zeros(adjoint.shape[1]), np.zeros((0, adjoint.shape[1])), "One timestep has no step to keep."
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

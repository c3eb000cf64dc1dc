"""Derivatives of the Elman step h = φ(a) in closed form."""

import torch
from torch import Tensor

from models.cells.derivatives import ClosedForm, Jacobian, preactivation, through
from models.cells.nonlinearity import sigmoid_slope, tanh_slope
from models.recording.layer_record import LayerStates

SLOPES = {"tanh": tanh_slope, "sigmoid": sigmoid_slope}


def elman_slope(s: LayerStates) -> tuple[Tensor]:
    """φ'(a); NaN for a relu whose h is not finite, since its side of 0 is unknown."""
    (h,) = s.after
    nonlinearity = s.cell.nonlinearity  # type: ignore[attr-defined]
    if nonlinearity in SLOPES:
        return (SLOPES[nonlinearity](preactivation(s)),)
    if nonlinearity == "relu":
        return (torch.where(h.isfinite(), (h > 0).to(h.dtype), torch.nan),)
    return (torch.ones_like(h),)


def elman_state(s: LayerStates) -> Jacobian:
    """∂h/∂h' = diag(φ'(a)) W_hh (Pascanu et al. 2013, eq. 5, for a nonlinearity around the sum)."""
    return through(elman_slope(s), s.cell.weight_hh)


def elman_input(s: LayerStates) -> Jacobian:
    """∂h/∂x = diag(φ'(a)) W_ih."""
    return through(elman_slope(s), s.cell.weight_ih)


CLOSED_FORM = ClosedForm(elman_state, elman_input)

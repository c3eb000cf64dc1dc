"""Derivatives of the step h = φ(W x + b + u⊙h') in closed form."""

from typing import Any

import torch
from torch import Tensor

from models.cells.derivatives import ClosedForm, Jacobian, through
from models.cells.elman.jacobian import SLOPES
from models.recording.layer_record import LayerStates


def slope(s: LayerStates) -> Tensor:
    """φ'(a); NaN for a relu whose h is not finite, since its side of 0 is unknown."""
    cell: Any = s.cell
    (h,) = s.after
    if cell.nonlinearity in SLOPES:
        a = s.inputs @ cell.weight_ih.T + cell.bias_ih + cell.weight_hh * s.before[0] + cell.bias_hh
        return SLOPES[cell.nonlinearity](a)
    if cell.nonlinearity == "relu":
        return torch.where(h.isfinite(), (h > 0).to(h.dtype), torch.nan)
    return torch.ones_like(h)


def state_jacobian(s: LayerStates) -> Jacobian:
    """∂h/∂h' = diag(φ'(a) u)."""
    return torch.diag_embed(slope(s) * s.cell.weight_hh)


def input_jacobian(s: LayerStates) -> Jacobian:
    """∂h/∂x = diag(φ'(a)) W_ih."""
    return through((slope(s),), s.cell.weight_ih)


CLOSED_FORM = ClosedForm(state_jacobian, input_jacobian)

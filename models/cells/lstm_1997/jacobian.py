"""Derivatives of the step c = c' + i⊙g, h = o⊙tanh(c) in closed form."""

import torch
from torch import Tensor

from models.cells.derivatives import ClosedForm, Jacobian, preactivation, through
from models.cells.nonlinearity import sigmoid_slope, tanh_slope
from models.recording.layer_record import LayerStates


def slopes(s: LayerStates) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...], Tensor]:
    """∂h/∂a and ∂c/∂a for a_i, a_g, a_o, and ∂h/∂c."""
    a_i, a_g, a_o = preactivation(s).chunk(3, dim=-1)
    (_, c), g = s.after, s.gates["g"]
    dc = (g * sigmoid_slope(a_i), torch.sigmoid(a_i) * tanh_slope(a_g), torch.zeros_like(c))
    dh_dc = torch.sigmoid(a_o) * tanh_slope(c)
    dh = (*(dh_dc * slope for slope in dc[:2]), torch.tanh(c) * sigmoid_slope(a_o))
    return dh, dc, dh_dc


def state_jacobian(s: LayerStates) -> Jacobian:
    """∂(h, c)/∂(h', c') = [[∂h/∂a W_hh, diag(∂h/∂c)], [∂c/∂a W_hh, I]]."""
    dh, dc, dh_dc = slopes(s)
    of_h = torch.cat([through(dh, s.cell.weight_hh), torch.diag_embed(dh_dc)], dim=-1)
    of_c = torch.cat([through(dc, s.cell.weight_hh), torch.diag_embed(torch.ones_like(dh_dc))], dim=-1)
    return torch.cat([of_h, of_c], dim=-2)


def input_jacobian(s: LayerStates) -> Jacobian:
    """∂(h, c)/∂x = [[∂h/∂a W_ih], [∂c/∂a W_ih]]."""
    dh, dc, _ = slopes(s)
    return torch.cat([through(dh, s.cell.weight_ih), through(dc, s.cell.weight_ih)], dim=-2)


CLOSED_FORM = ClosedForm(state_jacobian, input_jacobian)

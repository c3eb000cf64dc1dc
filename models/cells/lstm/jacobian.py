"""Derivatives of the LSTM's step c = f⊙c' + i⊙g, h = o⊙tanh(c) in closed form."""

import torch
from jaxtyping import Float
from torch import Tensor

from models.cells.derivatives import ClosedForm, Jacobian, preactivation, through
from models.cells.nonlinearity import sigmoid_slope, tanh_slope
from models.recording.layer_record import LayerStates


def lstm_slopes(s: LayerStates) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...], Tensor]:
    """∂h/∂a and ∂c/∂a for a_i, a_f, a_g, a_o, and ∂h/∂c."""
    a_i, a_f, a_g, a_o = preactivation(s).chunk(4, dim=-1)
    (_, c_before), (_, c), g = s.before, s.after, s.gates["g"]
    i, o = torch.sigmoid(a_i), torch.sigmoid(a_o)
    dc = (g * sigmoid_slope(a_i), c_before * sigmoid_slope(a_f), i * tanh_slope(a_g), torch.zeros_like(c))
    dh_dc = o * tanh_slope(c)
    dh = (*(dh_dc * slope for slope in dc[:3]), torch.tanh(c) * sigmoid_slope(a_o))
    return dh, dc, dh_dc


def forget_gate(s: LayerStates) -> Float[Tensor, "*sample unit"]:
    """f, computed again: the recorded f may have rounded to 0."""
    return torch.sigmoid(preactivation(s).chunk(4, dim=-1)[1])


def lstm_state(s: LayerStates) -> Jacobian:
    """∂(h, c)/∂(h', c') = [[∂h/∂a W_hh, ∂h/∂c diag(f)], [∂c/∂a W_hh, diag(f)]].

    h reads c' through f⊙c' alone: the gates do not see the cell state.
    """
    dh, dc, dh_dc = lstm_slopes(s)
    f, W = forget_gate(s), s.cell.weight_hh
    of_h = torch.cat([through(dh, W), torch.diag_embed(dh_dc * f)], dim=-1)
    of_c = torch.cat([through(dc, W), torch.diag_embed(f)], dim=-1)
    return torch.cat([of_h, of_c], dim=-2)


def lstm_input(s: LayerStates) -> Jacobian:
    """∂(h, c)/∂x = [[∂h/∂a W_ih], [∂c/∂a W_ih]]."""
    dh, dc, _ = lstm_slopes(s)
    return torch.cat([through(dh, s.cell.weight_ih), through(dc, s.cell.weight_ih)], dim=-2)


CLOSED_FORM = ClosedForm(lstm_state, lstm_input)

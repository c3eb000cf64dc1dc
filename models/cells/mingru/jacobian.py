"""Derivatives of the step h = (1−z)⊙h' + z⊙n, where z and n see only x, in closed form."""

import torch
from torch import Tensor

from models.cells.derivatives import ClosedForm, Jacobian, through
from models.cells.nonlinearity import sigmoid_slope
from models.recording.layer_record import LayerStates


def from_inputs(s: LayerStates) -> tuple[Tensor, Tensor]:
    """a_z and n."""
    a_z, n = (s.inputs @ s.cell.weight_ih.T + s.cell.bias_ih + s.cell.bias_hh).chunk(2, dim=-1)
    return a_z, n


def kept(s: LayerStates) -> Tensor:
    """1 − z, computed again: the recorded z may have rounded to 1."""
    return torch.sigmoid(-from_inputs(s)[0])


def state_jacobian(s: LayerStates) -> Jacobian:
    """∂h/∂h' = diag(1−z)."""
    return torch.diag_embed(kept(s))


def input_jacobian(s: LayerStates) -> Jacobian:
    """∂h/∂x = diag((n−h') σ'(a_z)) W_z + diag(z) W_n."""
    a_z, n = from_inputs(s)
    return through(((n - s.before[0]) * sigmoid_slope(a_z), torch.sigmoid(a_z)), s.cell.weight_ih)


CLOSED_FORM = ClosedForm(state_jacobian, input_jacobian)

"""Derivatives of the peephole LSTM's step in closed form."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from models.cells.derivatives import ClosedForm, Jacobian, preactivation, through
from models.cells.nonlinearity import sigmoid_slope, tanh_slope
from models.recording.layer_record import LayerStates

Units = Float[Tensor, "*sample unit"]


@dataclass(frozen=True, eq=False)
class PeepholeSlopes:
    """Derivatives of one step, unit by unit."""

    f: Units
    of_i: Units
    """∂c/∂a_i."""
    of_f: Units
    """∂c/∂a_f."""
    of_g: Units
    """∂c/∂a_g."""
    of_o: Units
    """∂h/∂a_o."""
    h_of_c: Units
    """∂h/∂c, including the path through the peephole of o."""
    c_of_c: Units
    """∂c/∂c', including the paths through the peepholes of i and f."""


def peephole_slopes(s: LayerStates) -> PeepholeSlopes:
    """The derivatives of a peephole LSTM's step at recorded states."""
    (_, c_before), (_, c), g = s.before, s.after, s.gates["g"]
    p_i, p_f, p_o = s.cell.weights["weight_peephole"]
    a_i, a_f, a_g, a_o = preactivation(s).chunk(4, dim=-1)
    a_i, a_f, a_o = a_i + p_i * c_before, a_f + p_f * c_before, a_o + p_o * c
    f = torch.sigmoid(a_f)
    of_i, of_f = g * sigmoid_slope(a_i), c_before * sigmoid_slope(a_f)
    of_o = torch.tanh(c) * sigmoid_slope(a_o)
    return PeepholeSlopes(
        f=f,
        of_i=of_i,
        of_f=of_f,
        of_g=torch.sigmoid(a_i) * tanh_slope(a_g),
        of_o=of_o,
        h_of_c=torch.sigmoid(a_o) * tanh_slope(c) + of_o * p_o,
        c_of_c=f + of_i * p_i + of_f * p_f,
    )


def through_gates(s: LayerStates, W: Float[Tensor, "rows column"]) -> Jacobian:
    """∂(h, c) through all preactivations a = W …: h depends on i, f, g through c, and on o."""
    d = peephole_slopes(s)
    of_c = (d.of_i, d.of_f, d.of_g, torch.zeros_like(d.of_o))
    of_h = (*(d.h_of_c * slope for slope in of_c[:3]), d.of_o)
    return torch.cat([through(of_h, W), through(of_c, W)], dim=-2)


def peephole_state(s: LayerStates) -> Jacobian:
    """∂(h, c)/∂(h', c') = [[∂h/∂a W_hh, ∂h/∂c ∂c/∂c'], [∂c/∂a W_hh, ∂c/∂c']]."""
    d = peephole_slopes(s)
    of_cell = torch.cat([torch.diag_embed(d.h_of_c * d.c_of_c), torch.diag_embed(d.c_of_c)], dim=-2)
    return torch.cat([through_gates(s, s.cell.weight_hh), of_cell], dim=-1)


def peephole_input(s: LayerStates) -> Jacobian:
    """∂(h, c)/∂x."""
    return through_gates(s, s.cell.weight_ih)


CLOSED_FORM = ClosedForm(peephole_state, peephole_input)

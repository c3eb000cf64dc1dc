"""Derivatives of the GRU's step h = (1−z)⊙n + z⊙h' in closed form."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from models.cells.derivatives import ClosedForm, Jacobian, preactivation, through
from models.cells.nonlinearity import sigmoid_slope, tanh_slope
from models.recording.layer_record import LayerStates


@dataclass(frozen=True, eq=False)
class GRUSlopes:
    """Derivatives of one GRU step, and its gates where the recorded ones may have become 0."""

    r: Float[Tensor, "*sample unit"]
    z: Float[Tensor, "*sample unit"]
    of_r: Float[Tensor, "*sample unit"]
    """dr/da_r = σ'(a_r)."""
    through_r: Float[Tensor, "*sample unit"]
    """∂h/∂a_r where W_n stands before the reset."""
    through_z: Float[Tensor, "*sample unit"]
    """∂h/∂a_z."""
    through_n: Float[Tensor, "*sample unit"]
    """∂h/∂a_n."""


def gru_slopes(s: LayerStates) -> GRUSlopes:
    """What a GRU's step multiplies a gradient by."""
    (h,), n, H = s.before, s.gates["n"], s.cell.hidden_size
    a_r, a_z, _ = preactivation(s).chunk(3, dim=-1)
    r, z = torch.sigmoid(a_r), torch.sigmoid(a_z)
    W_n, b_n = s.cell.weight_hh[2 * H :], s.cell.bias_hh[2 * H :]
    v = h @ W_n.T + b_n
    recurrent_n = r * v if s.cell.reset_after else (r * h) @ W_n.T + b_n  # type: ignore[attr-defined]
    a_n = s.inputs @ s.cell.weight_ih[2 * H :].T + s.cell.bias_ih[2 * H :] + recurrent_n
    through_n = torch.sigmoid(-a_z) * tanh_slope(a_n)
    of_r = sigmoid_slope(a_r)
    return GRUSlopes(r, z, of_r, through_n * v * of_r, (h - n) * sigmoid_slope(a_z), through_n)


def gru_state(s: LayerStates) -> Jacobian:
    """∂h/∂h' = diag(z) + ∂h/∂a_z W_z + the way through n, which the place of the reset decides.

    Reset after W_n: ∂h/∂a_r W_r + ∂h/∂a_n diag(r) W_n. Before: ∂h/∂a_n W_n (diag(r) + diag(h' r (1−r)) W_r).
    """
    d = gru_slopes(s)
    kept = torch.diag_embed(d.z)
    if s.cell.reset_after:  # type: ignore[attr-defined]
        return kept + through((d.through_r, d.through_z, d.through_n * d.r), s.cell.weight_hh)
    W_r, W_z, W_n = s.cell.weight_hh.chunk(3)
    reset = torch.diag_embed(d.r) + through((s.before[0] * d.of_r,), W_r)
    return kept + through((d.through_z,), W_z) + through((d.through_n,), W_n) @ reset


def gru_input(s: LayerStates) -> Jacobian:
    """∂h/∂x: as the state's, without what is kept and with W_ih where x enters."""
    d = gru_slopes(s)
    if s.cell.reset_after:  # type: ignore[attr-defined]
        return through((d.through_r, d.through_z, d.through_n), s.cell.weight_ih)
    W_ir, W_iz, W_in = s.cell.weight_ih.chunk(3)
    _, _, W_n = s.cell.weight_hh.chunk(3)
    reset = through((s.before[0] * d.of_r,), W_ir)
    return through((d.through_z, d.through_n), torch.cat([W_iz, W_in])) + through((d.through_n,), W_n) @ reset


CLOSED_FORM = ClosedForm(gru_state, gru_input)

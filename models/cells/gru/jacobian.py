"""The GRU's Jacobian ∂h_t/∂h_{t−1} in closed form, for the step h = (1−z)⊙n + z⊙h'."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from models.cells.derivatives import ClosedForm, Jacobian, preactivation, through
from models.cells.nonlinearity import sigmoid_slope, tanh_slope
from models.recording.layer_record import LayerStates


@dataclass(frozen=True, eq=False)
class GRUSlopes:
    """Derivatives of one GRU step, and gates computed again: the recorded ones may have rounded to 0."""

    r: Float[Tensor, "*sample unit"]
    z: Float[Tensor, "*sample unit"]
    of_r: Float[Tensor, "*sample unit"]
    """dr/da_r = σ'(a_r)."""
    through_r: Float[Tensor, "*sample unit"]
    """∂h/∂a_r if the reset comes after W_n."""
    through_z: Float[Tensor, "*sample unit"]
    """∂h/∂a_z."""
    through_n: Float[Tensor, "*sample unit"]
    """∂h/∂a_n."""


def gru_slopes(s: LayerStates) -> GRUSlopes:
    """The derivatives of a GRU's step at recorded states."""
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
    """∂h/∂h' = diag(z) + ∂h/∂a_z W_z + the part through n, which depends on the place of the reset.

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
    """∂h/∂x: like ∂h/∂h', without diag(z), and with W_ih instead of W_hh."""
    d = gru_slopes(s)
    if s.cell.reset_after:  # type: ignore[attr-defined]
        return through((d.through_r, d.through_z, d.through_n), s.cell.weight_ih)
    W_ir, W_iz, W_in = s.cell.weight_ih.chunk(3)
    _, _, W_n = s.cell.weight_hh.chunk(3)
    reset = through((s.before[0] * d.of_r,), W_ir)
    return through((d.through_z, d.through_n), torch.cat([W_iz, W_in])) + through((d.through_n,), W_n) @ reset


CLOSED_FORM = ClosedForm(gru_state, gru_input)

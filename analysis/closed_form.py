"""∂s_t/∂s_{t-1} and ∂s_t/∂x_t of one step, in closed form: one pair of functions a cell, at the end all in a table.

Each derivative has two parts: what the step keeps of s_{t-1} directly, and what goes through the preactivations
a = W_ih x_t + b_ih + W_hh h_{t-1} + b_hh. These are made again from the recorded step: slopes and gates come from them,
since what a saturated unit gives has lost its digits (1 − h² is 0 where h rounds to 1).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from models.cells.cell import Cell
from models.cells.elman.step import ElmanCell
from models.cells.gru.step import GRUCell
from models.cells.lstm.step import LSTMCell
from models.cells.nonlinearity import sigmoid_slope, tanh_slope
from models.recording.layer_record import LayerStates

Jacobian = Float[Tensor, "*sample state column"]
"""Rows are the units of the new state (h_t, then c_t); columns those of s_{t-1} or of x_t."""


def through(slopes: tuple[Tensor, ...], W: Float[Tensor, "rows column"]) -> Jacobian:
    """Σ_b diag(slope_b) W_b: one row block of W, and one slope ∂h/∂a_b a unit, for each preactivation b."""
    blocks = W.unflatten(0, (len(slopes), -1))
    return torch.einsum("...bi,bij->...ij", torch.stack(slopes, dim=-2), blocks)


def preactivation(s: LayerStates) -> Float[Tensor, "*sample row"]:
    """a = W_ih x + b_ih + W_hh h' + b_hh, all blocks."""
    return s.inputs @ s.cell.weight_ih.T + s.cell.bias_ih + s.before[0] @ s.cell.weight_hh.T + s.cell.bias_hh


# Elman: h = φ(a)


def elman_slope(s: LayerStates) -> tuple[Tensor]:
    """φ'(a); NaN for a relu whose h is not finite, and so on no known side of 0."""
    (h,) = s.after
    nonlinearity = s.cell.nonlinearity  # type: ignore[attr-defined]
    if nonlinearity == "tanh":
        return (tanh_slope(preactivation(s)),)
    if nonlinearity == "relu":
        return (torch.where(h.isfinite(), (h > 0).to(h.dtype), torch.nan),)
    return (torch.ones_like(h),)


def elman_state(s: LayerStates) -> Jacobian:
    """∂h/∂h' = diag(φ'(a)) W_hh (Pascanu et al. 2013, eq. 5, for a nonlinearity around the sum)."""
    return through(elman_slope(s), s.cell.weight_hh)


def elman_input(s: LayerStates) -> Jacobian:
    """∂h/∂x = diag(φ'(a)) W_ih."""
    return through(elman_slope(s), s.cell.weight_ih)


# LSTM: c = f⊙c' + i⊙g; h = o⊙tanh(c)


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
    """f, also where the recorded one has become 0."""
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


# GRU: h = (1−z)⊙n + z⊙h'


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


@dataclass(frozen=True)
class ClosedForm:
    """The derivatives of one cell's step."""

    state: Callable[[LayerStates], Jacobian]
    inputs: Callable[[LayerStates], Jacobian]


CLOSED_FORMS: dict[type[Cell], ClosedForm] = {
    ElmanCell: ClosedForm(elman_state, elman_input),
    LSTMCell: ClosedForm(lstm_state, lstm_input),
    GRUCell: ClosedForm(gru_state, gru_input),
}
"""Cell → its closed form. A cell that is not here is differentiated by autodiff, more slowly and as exactly."""

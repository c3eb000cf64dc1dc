"""∂s_t/∂s_{t-1} and ∂s_t/∂x_t of one step, in closed form: one pair of functions a cell, at the end all in a table.

Each derivative has two parts: what the step keeps of s_{t-1} directly, and what goes through the preactivations
a = W_ih x_t + b_ih + W_hh h_{t-1} + b_hh. Values come from the recorded step; nothing is run again.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from models.cell import Cell
from models.elman import ElmanCell
from models.gru import GRUCell
from models.layer_record import LayerStates
from models.lstm import LSTMCell

Jacobian = Float[Tensor, "*sample state column"]
"""Rows are the units of the new state (h_t, then c_t); columns those of s_{t-1} or of x_t."""


def through(slopes: tuple[Tensor, ...], W: Float[Tensor, "rows column"]) -> Jacobian:
    """Σ_b diag(slope_b) W_b: one row block of W, and one slope ∂h/∂a_b a unit, for each preactivation b."""
    blocks = W.unflatten(0, (len(slopes), -1))
    return torch.einsum("...bi,bij->...ij", torch.stack(slopes, dim=-2), blocks)


# Elman: h = φ(a)


def elman_slope(s: LayerStates) -> tuple[Tensor]:
    """φ'(a), from h = φ(a); NaN for a relu whose h is not finite, and so on no known side of 0."""
    (h,) = s.after
    nonlinearity = s.cell.nonlinearity  # type: ignore[attr-defined]
    if nonlinearity == "tanh":
        return (1 - h**2,)
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
    i, f, g, o = (s.gates[name] for name in "ifgo")
    (_, c_before), (_, c) = s.before, s.after
    dc = (g * i * (1 - i), c_before * f * (1 - f), i * (1 - g**2), torch.zeros_like(o))
    dh_dc = o * (1 - torch.tanh(c) ** 2)
    dh = (*(dh_dc * slope for slope in dc[:3]), torch.tanh(c) * o * (1 - o))
    return dh, dc, dh_dc


def lstm_state(s: LayerStates) -> Jacobian:
    """∂(h, c)/∂(h', c') = [[∂h/∂a W_hh, ∂h/∂c diag(f)], [∂c/∂a W_hh, diag(f)]].

    h reads c' through f⊙c' alone: the gates do not see the cell state.
    """
    dh, dc, dh_dc = lstm_slopes(s)
    f, W = s.gates["f"], s.cell.weight_hh
    of_h = torch.cat([through(dh, W), torch.diag_embed(dh_dc * f)], dim=-1)
    of_c = torch.cat([through(dc, W), torch.diag_embed(f)], dim=-1)
    return torch.cat([of_h, of_c], dim=-2)


def lstm_input(s: LayerStates) -> Jacobian:
    """∂(h, c)/∂x = [[∂h/∂a W_ih], [∂c/∂a W_ih]]."""
    dh, dc, _ = lstm_slopes(s)
    return torch.cat([through(dh, s.cell.weight_ih), through(dc, s.cell.weight_ih)], dim=-2)


# GRU: h = (1−z)⊙n + z⊙h'


def gru_slopes(s: LayerStates) -> tuple[Tensor, Tensor, Tensor]:
    """∂h/∂a_r where W_n stands behind the reset, ∂h/∂a_z, and ∂h/∂a_n."""
    r, z, n = (s.gates[name] for name in "rzn")
    (h,) = s.before
    dz = (h - n) * z * (1 - z)
    dn = (1 - z) * (1 - n**2)
    _, _, W_n = s.cell.weight_hh.chunk(3)
    _, _, b_n = s.cell.bias_hh.chunk(3)
    dr = dn * (h @ W_n.T + b_n) * r * (1 - r)
    return dr, dz, dn


def gru_state(s: LayerStates) -> Jacobian:
    """∂h/∂h' = diag(z) + ∂h/∂a_z W_z + the way through n, which the place of the reset decides.

    Reset after W_n: ∂h/∂a_r W_r + ∂h/∂a_n diag(r) W_n. Before: ∂h/∂a_n W_n (diag(r) + diag(h' r (1−r)) W_r).
    """
    dr, dz, dn = gru_slopes(s)
    r, z = s.gates["r"], s.gates["z"]
    kept = torch.diag_embed(z)
    if s.cell.reset_after:  # type: ignore[attr-defined]
        return kept + through((dr, dz, dn * r), s.cell.weight_hh)
    W_r, W_z, W_n = s.cell.weight_hh.chunk(3)
    reset = torch.diag_embed(r) + through((s.before[0] * r * (1 - r),), W_r)
    return kept + through((dz,), W_z) + through((dn,), W_n) @ reset


def gru_input(s: LayerStates) -> Jacobian:
    """∂h/∂x: as the state's, without what is kept and with W_ih where x enters."""
    dr, dz, dn = gru_slopes(s)
    if s.cell.reset_after:  # type: ignore[attr-defined]
        return through((dr, dz, dn), s.cell.weight_ih)
    r = s.gates["r"]
    W_ir, W_iz, W_in = s.cell.weight_ih.chunk(3)
    _, _, W_n = s.cell.weight_hh.chunk(3)
    reset = through((s.before[0] * r * (1 - r),), W_ir)
    return through((dz, dn), torch.cat([W_iz, W_in])) + through((dn,), W_n) @ reset


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

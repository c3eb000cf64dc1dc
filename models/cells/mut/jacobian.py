"""Derivatives of the MUTs' step h = z⊙n + (1−z)⊙h' in closed form."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from models.cells.derivatives import ClosedForm, Jacobian, through
from models.cells.nonlinearity import sigmoid_slope, tanh_slope
from models.recording.layer_record import LayerStates

Units = Float[Tensor, "*sample unit"]


@dataclass(frozen=True, eq=False)
class MUTSlopes:
    """Derivatives of one step, unit by unit."""

    kept: Units
    """1 − z, computed again: the recorded z may have rounded to 1."""
    r: Units
    of_r: Units
    """∂(r⊙h')/∂a_r."""
    through_z: Units
    """∂h/∂a_z."""
    through_n: Units
    """∂h/∂a_n."""
    entry_of_z: Units
    """The slope between h' and W_hz: tanh'(h') for MUT3, else 1."""


def mut_slopes(s: LayerStates) -> MUTSlopes:
    """The derivatives of a MUT's step at recorded states."""
    cell: Any = s.cell
    (h,), n = s.before, s.gates["n"]
    a_r, a_z, a_n = cell.preactivations(s.inputs, h)
    return MUTSlopes(
        kept=torch.sigmoid(-a_z),
        r=torch.sigmoid(a_r),
        of_r=h * sigmoid_slope(a_r),
        through_z=(n - h) * sigmoid_slope(a_z),
        through_n=torch.sigmoid(a_z) * tanh_slope(a_n),
        entry_of_z=tanh_slope(h) if cell.squashes_h else torch.ones_like(h),
    )


def mut_state(s: LayerStates) -> Jacobian:
    """∂h/∂h' = diag(1−z) + ∂h/∂a_z W_hz diag(e) + ∂h/∂a_n W_hn (diag(r) + diag(h' r (1−r)) W_hr).

    e is tanh'(h') for MUT3, whose z reads tanh(h'), and 1 for MUT2; MUT1's z does not read h'.
    """
    d, W = mut_slopes(s), s.cell.square_blocks(s.cell.weight_hh)
    reset = torch.diag_embed(d.r) + through((d.of_r,), W["r"])
    J = torch.diag_embed(d.kept) + through((d.through_n,), W["n"]) @ reset
    return J + through((d.through_z,), W["z"]) * d.entry_of_z.unsqueeze(-2) if "z" in W else J


def mut_input(s: LayerStates) -> Jacobian:
    """∂h/∂x = ∂h/∂a_z W_xz + ∂h/∂a_n (∂a_n/∂x + W_hn diag(h' r (1−r)) ∂a_r/∂x)."""
    cell: Any = s.cell
    d, W_hn = mut_slopes(s), s.cell.square_blocks(s.cell.weight_hh)["n"]
    bare = cell.from_input("x")
    bare = torch.eye(cell.hidden_size, dtype=d.r.dtype) if bare is None else bare
    W_xr, W_xn = (bare if cell.from_input(b) is None else cell.from_input(b) for b in ("r", "n"))
    direct = tanh_slope(cell.handed_on(s.inputs)) if cell.squashes_x else torch.ones_like(d.r)
    through_reset = through((d.through_n,), W_hn) @ through((d.of_r,), W_xr)
    return through((d.through_z, d.through_n * direct), torch.cat([cell.from_input("z"), W_xn])) + through_reset


CLOSED_FORM = ClosedForm(mut_state, mut_input)

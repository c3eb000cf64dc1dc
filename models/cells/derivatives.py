"""Optional facts about a cell's step: its Jacobian in closed form, and the routes of its gradient."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from models.bptt.scaled import Scaled
from models.recording.layer_record import LayerStates

Jacobian = Float[Tensor, "*sample state column"]
"""Rows are the units of the new state (h_t, then c_t); columns those of s_{t-1} or of x_t."""

Routes = dict[str, Scaled]
"""Route → the part of a gradient that takes this route."""


@dataclass(frozen=True)
class ClosedForm:
    """The derivatives of one step at recorded states.

    Slopes and gates are computed again from the step's preactivations: the recorded values of a saturated unit have
    lost their digits (1 − h² is 0 where h rounds to 1).
    """

    state: Callable[[LayerStates], Jacobian]
    """∂s_t/∂s_{t-1}."""
    inputs: Callable[[LayerStates], Jacobian]
    """∂s_t/∂x_t."""


@dataclass(frozen=True)
class GatedPath:
    """The state that a gate keeps, and all routes by which a gradient comes back to it."""

    target: Literal["hidden", "cell_state"]
    """The state that is kept."""
    keep_words: str
    """The share kept, as a formula: `f`, `z` or `1−z`."""
    keep: Callable[[LayerStates], Tensor]
    """The share that each step keeps; correct even where the recorded gate has rounded to 0."""
    routes: Callable[[LayerStates, list[Scaled]], Routes]
    """The gradient that step t+1 sends back to the kept state at t on each route, indexed by t+1, from the total
    gradients dL/dh and dL/dc of t+1. The route `state` is the kept state itself; other routes are named by gates."""
    loss: Callable[[LayerStates, list[Scaled]], Scaled]
    """The direct gradient of the kept state, from the direct gradients of h and c."""


def through(slopes: tuple[Tensor, ...], W: Float[Tensor, "rows column"]) -> Jacobian:
    """Σ_b diag(slope_b) W_b: one row block of W, and one slope ∂h/∂a_b per unit, for each preactivation b."""
    blocks = W.unflatten(0, (len(slopes), -1))
    return torch.einsum("...bi,bij->...ij", torch.stack(slopes, dim=-2), blocks)


def preactivation(s: LayerStates) -> Float[Tensor, "*sample row"]:
    """a = W_ih x + b_ih + W_hh h' + b_hh for all blocks, for cells whose every block reads both x and h'."""
    return s.inputs @ s.cell.weight_ih.T + s.cell.bias_ih + s.before[0] @ s.cell.weight_hh.T + s.cell.bias_hh

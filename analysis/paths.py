"""Which way a gradient takes through a gated cell: dL/dc_t of an LSTM, dL/dh_t of a GRU, as a sum of routes.

LSTM, with δ_b = dL/da_b at t+1 and u = ∂h_t/∂c_t = o_t⊙(1 − tanh² c_t):

    dL/dc_t = u⊙direct_t + f_{t+1}⊙dL/dc_{t+1} + u⊙W_iᵀδ_i + u⊙W_fᵀδ_f + u⊙W_gᵀδ_g + u⊙W_oᵀδ_o

GRU: dL/dh_t = direct_t + z_{t+1}⊙dL/dh_{t+1} + the ways through a_r, a_z and a_n.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from analysis.closed_form import gru_slopes, lstm_slopes
from models.gru import GRUCell
from models.layer_record import LayerRecord, LayerStates
from models.lognorm import log_norm
from models.lstm import LSTMCell
from models.scaled import LN_2, Scaled

Routes = dict[str, Scaled]


@dataclass(frozen=True, eq=False)
class Paths:
    """The routes of one layer and direction, at input positions. A true gradient is `vector * exp(log_scale)`.

    Routes: `loss` (directly, at this timestep), `state` (c_t to c_{t+1} by f, h_t to h_{t+1} by z), and each gate by
    its name: what comes back through that gate's preactivation at the next step.
    """

    target: str
    """`cell_state` (dL/dc_t of an LSTM) or `hidden` (dL/dh_t of a GRU)."""
    routes: dict[str, Float[ndarray, "time batch unit"]]
    """Route → its part of the gradient; they sum to `total`."""
    total: Float[ndarray, "time batch unit"]
    """The recorded total gradient, on the same scale."""
    log_scale: Float[ndarray, "time batch"]
    """Nats."""
    log_norm: dict[str, Float[ndarray, "time batch"]]
    """Route → ln of its norm (nats); −inf where it carries nothing."""
    total_log_norm: Float[ndarray, "time batch"]
    direct_path_log_norm: Float[ndarray, "time batch"]
    """ln of the norm of what came by `loss` and then by `state` alone (nats): Π f (Π z) times the gradient it began as.

    This is the "uninterrupted" path of the lectures; the full gradient has all others beside it.
    """
    share: dict[str, Float[ndarray, "time batch"]]
    """Route → ⟨route, total⟩ / ‖total‖²: they sum to 1; a route against the others is below 0; NaN for no total."""
    reason: str | None = None
    """A sentence where an entry is NaN."""


def paths(layer: LayerRecord) -> Paths:
    """How much of the gradient each route carries, from one recorded step to the one before.

    Args:
        layer: a recorded layer; where it is truncated, nothing but the loss reaches a boundary's state.

    Raises:
        ValueError: a cell without a gated path.
    """
    steps = layer.in_order()
    cell_type = type(steps.cell)
    if cell_type not in (LSTMCell, GRUCell):
        raise ValueError(f"layer has cells {cell_type.__name__}; paths are for an LSTM or a GRU.")
    whole, direct = layer.total_in_order(), layer.direct_in_order()
    grad_h, exponent = whole.parts[0], whole.exponent
    if cell_type is LSTMCell:
        grad_c = whole.parts[1]
        target, total = "cell_state", Scaled((grad_c,), exponent)
        routes = lstm_routes(steps, grad_h, grad_c, exponent)
        keep, through_h = steps.gates["f"], lstm_slopes(steps)[2]
        loss = Scaled((direct.parts[1] + through_h * direct.parts[0],), direct.exponent)
    else:
        target, total, routes = "hidden", Scaled((grad_h,), exponent), gru_routes(steps, grad_h, exponent)
        keep, loss = steps.gates["z"], direct
    cut = layer.cut()
    routes = {name: with_nothing_last(r, cut) for name, r in routes.items()}
    return summary(target, total, {"loss": loss, **routes}, keep, cut, layer.reverse)


def lstm_routes(steps: LayerStates, grad_h: Tensor, grad_c: Tensor, exponent: Tensor) -> Routes:
    """What step t+1 sends back to c_t on each route, indexed by t+1."""
    i, f, g, o = (steps.gates[name] for name in "ifgo")
    tanh_c = torch.tanh(steps.after[1])
    delta = {
        "i": grad_c * g * i * (1 - i),
        "f": grad_c * steps.before[1] * f * (1 - f),
        "g": grad_c * i * (1 - g**2),
        "o": grad_h * tanh_c * o * (1 - o),
    }
    # h_t is made from c_t at step t, one before the gates that it enters.
    of_before = torch.cat([torch.zeros_like(o[:1]), lstm_slopes(steps)[2][:-1]])
    blocks = dict(zip(LSTMCell.blocks, steps.cell.weight_hh.chunk(4), strict=True))
    routes = {"state": f * grad_c} | {name: of_before * (delta[name] @ blocks[name]) for name in LSTMCell.blocks}
    return {name: Scaled((route,), exponent) for name, route in routes.items()}


def gru_routes(steps: LayerStates, grad_h: Tensor, exponent: Tensor) -> Routes:
    """What step t+1 sends back to h_t on each route, indexed by t+1."""
    W_r, W_z, W_n = steps.cell.weight_hh.chunk(3)
    r, z = steps.gates["r"], steps.gates["z"]
    dr, dz, dn = gru_slopes(steps)
    if steps.cell.reset_after:  # type: ignore[attr-defined]
        through_r, through_n = (grad_h * dr) @ W_r, (grad_h * dn * r) @ W_n
    else:
        reset_h = (grad_h * dn) @ W_n  # dL/d(r⊙h')
        through_r, through_n = (reset_h * steps.before[0] * r * (1 - r)) @ W_r, reset_h * r
    routes = {"state": z * grad_h, "r": through_r, "z": (grad_h * dz) @ W_z, "n": through_n}
    return {name: Scaled((route,), exponent) for name, route in routes.items()}


def with_nothing_last(route: Scaled, cut: list[bool]) -> Scaled:
    """From index t+1 to index t: nothing comes back to the last state, nor across a truncation."""
    (vectors,), exponent = route.parts, route.exponent
    vectors = torch.cat([vectors[1:], torch.zeros_like(vectors[:1])])
    exponent = torch.cat([exponent[1:], torch.zeros_like(exponent[:1])])
    stopped = torch.tensor([*cut[1:], True])[:, None]
    return Scaled((torch.where(stopped[..., None], 0.0, vectors),), torch.where(stopped, 0, exponent))


def direct_path(loss: Scaled, keep: Tensor, cut: list[bool]) -> Scaled:
    """p_t = loss_t + keep_{t+1}⊙p_{t+1}: the gradient that never left the state."""
    carried = loss[-1:]
    kept = [carried]
    for t in reversed(range(len(keep) - 1)):
        back = Scaled((keep[t + 1 : t + 2] * carried.parts[0],), carried.exponent)
        carried = loss[t : t + 1] if cut[t + 1] else loss[t : t + 1] + back
        kept.append(carried)
    return Scaled((torch.cat([k.parts[0] for k in kept[::-1]]),), torch.cat([k.exponent for k in kept[::-1]]))


def summary(target: str, total: Scaled, routes: Routes, keep: Tensor, cut: list[bool], reverse: bool) -> Paths:
    """Everything on one scale a timestep and sample, at input positions, in numpy."""
    magnitude = torch.stack([part.magnitude() for part in (total, *routes.values())]).amax(dim=0)
    exponent = torch.where(magnitude < -(2**61), 0, magnitude)  # where all are zero

    def array(x: Tensor) -> ndarray:
        return (x.flip(0) if reverse else x).numpy()

    def norms(x: Scaled) -> ndarray:
        return array(log_norm(x.parts[0]) + x.exponent.double() * LN_2)

    vectors = {name: route.at(exponent).parts[0] for name, route in routes.items()}
    whole = total.at(exponent).parts[0]
    unit = whole / log_norm(whole).exp()[..., None]
    size = log_norm(whole).exp()
    with np.errstate(invalid="ignore"):
        share = {name: array((vector * unit).sum(dim=-1) / size) for name, vector in vectors.items()}
    empty = any(bool(np.isnan(s).any()) for s in share.values())
    return Paths(
        target=target,
        routes={name: array(vector) for name, vector in vectors.items()},
        total=array(whole),
        log_scale=array(exponent.double() * LN_2),
        log_norm={name: norms(route) for name, route in routes.items()},
        total_log_norm=norms(total),
        direct_path_log_norm=norms(direct_path(routes["loss"], keep, cut)),
        share=share,
        reason="Where the total gradient is zero or has diverged there are no shares." if empty else None,
    )

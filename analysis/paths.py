"""Which way a gradient takes through a gated cell: dL/dc_t of an LSTM, dL/dh_t of a GRU, as a sum of routes.

LSTM, with δ_b = dL/da_b at t+1 and u = ∂h_t/∂c_t = o_t⊙tanh'(c_t):

    dL/dc_t = u⊙direct_t + f_{t+1}⊙dL/dc_{t+1} + u⊙W_iᵀδ_i + u⊙W_fᵀδ_f + u⊙W_gᵀδ_g + u⊙W_oᵀδ_o

GRU: dL/dh_t = direct_t + z_{t+1}⊙dL/dh_{t+1} + the ways through a_r, a_z and a_n.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from analysis.closed_form import forget_gate, gru_slopes, lstm_slopes, preactivation
from models.bptt.lognorm import log_norm
from models.bptt.scaled import LN_2, Scaled
from models.cells.gru.step import GRUCell
from models.cells.lstm.step import LSTMCell
from models.cells.nonlinearity import sigmoid_slope, tanh_slope
from models.recording.layer_record import LayerRecord, LayerStates

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

    Example:
        >>> import torch
        >>> from models import SequenceModel, record
        >>> model = SequenceModel("lstm", input_size=1, hidden_size=4, output_size=1)
        >>> for parameter in model.recurrent.parameters():
        ...     parameter.data = torch.zeros_like(parameter)
        >>> trace = record(model, torch.zeros(50, 2, 1), lambda outputs: outputs[-1].sum())
        >>> found = paths(trace.top)
        >>> print(f"{found.share['state'][0, 0]:.2f} of dL/d{found.target}_1 came by the forget gate")
        1.00 of dL/dcell_state_1 came by the forget gate
    """
    steps = layer.in_order()
    total, direct = ([layer.ordered(x) for x in parts] for parts in (layer.total, layer.direct))
    if isinstance(layer.cell, LSTMCell):
        target, routes, keep = "cell_state", lstm_routes(steps, *total), forget_gate(steps)
        loss = Scaled((lstm_slopes(steps)[2] * direct[0].parts[0],), direct[0].exponent) + direct[1]
    elif isinstance(layer.cell, GRUCell):
        target, routes, keep, loss = "hidden", gru_routes(steps, *total), gru_slopes(steps).z, direct[0]
    else:
        raise ValueError(f"layer has cells {type(layer.cell).__name__}; paths are for an LSTM or a GRU.")
    cut = layer.cut()
    routes = {name: with_nothing_last(r, cut) for name, r in routes.items()}
    return summary(target, total[-1], {"loss": loss, **routes}, keep, cut, layer.reverse)


def lstm_routes(steps: LayerStates, of_h: Scaled, of_c: Scaled) -> Routes:
    """What step t+1 sends back to c_t on each route, indexed by t+1, given dL/dh_{t+1} and dL/dc_{t+1}."""
    (grad_h,), (grad_c,) = of_h.parts, of_c.parts
    a_i, a_f, a_g, a_o = preactivation(steps).chunk(4, dim=-1)
    tanh_c = torch.tanh(steps.after[1])
    delta = {
        "i": grad_c * steps.gates["g"] * sigmoid_slope(a_i),
        "f": grad_c * steps.before[1] * sigmoid_slope(a_f),
        "g": grad_c * torch.sigmoid(a_i) * tanh_slope(a_g),
        "o": grad_h * tanh_c * sigmoid_slope(a_o),
    }
    # h_t is made from c_t at step t, one before the gates that it enters.
    of_before = torch.cat([torch.zeros_like(tanh_c[:1]), lstm_slopes(steps)[2][:-1]])
    blocks = dict(zip(LSTMCell.blocks, steps.cell.weight_hh.chunk(4), strict=True))
    routes = {"state": forget_gate(steps) * grad_c} | {
        name: of_before * (delta[name] @ blocks[name]) for name in LSTMCell.blocks
    }
    return {name: Scaled((route,), (of_h if name == "o" else of_c).exponent) for name, route in routes.items()}


def gru_routes(steps: LayerStates, of_h: Scaled) -> Routes:
    """What step t+1 sends back to h_t on each route, indexed by t+1, given dL/dh_{t+1}."""
    (grad_h,) = of_h.parts
    W_r, W_z, W_n = steps.cell.weight_hh.chunk(3)
    d = gru_slopes(steps)
    if steps.cell.reset_after:  # type: ignore[attr-defined]
        through_r, through_n = (grad_h * d.through_r) @ W_r, (grad_h * d.through_n * d.r) @ W_n
    else:
        reset_h = (grad_h * d.through_n) @ W_n  # dL/d(r⊙h')
        through_r, through_n = (reset_h * steps.before[0] * d.of_r) @ W_r, reset_h * d.r
    routes = {"state": d.z * grad_h, "r": through_r, "z": (grad_h * d.through_z) @ W_z, "n": through_n}
    return {name: Scaled((route,), of_h.exponent) for name, route in routes.items()}


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

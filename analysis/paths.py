"""The gradient of a gated cell as a sum of routes: dL/dc_t of an LSTM, dL/dh_t of a GRU.

    dL/ds_t = direct_t + keep_{t+1}⊙dL/ds_{t+1} + the parts through the preactivations of the gates

Each cell's routes are in its folder, `models/cells/<cell>/paths.py`.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from models.bptt.lognorm import log_norm
from models.bptt.scaled import LN_2, Scaled
from models.cells.derivatives import GatedPath, Routes
from models.recording.layer_record import LayerRecord


@dataclass(frozen=True, eq=False)
class Paths:
    """The routes of one layer and direction, at input positions. A true gradient is `vector * exp(log_scale)`.

    Routes: `loss` (the direct gradient of this timestep), `state` (the gradient kept from step to step), and each gate
    by its name (the gradient through that gate's preactivation at the next step).
    """

    target: str
    """`cell_state` (dL/dc_t of an LSTM) or `hidden` (dL/dh_t of a GRU)."""
    keep_words: str
    """The share that a step keeps, as a formula: `f`, `z`, `1−z`."""
    routes: dict[str, Float[ndarray, "time batch unit"]]
    """Route → its part of the gradient; they sum to `total`."""
    total: Float[ndarray, "time batch unit"]
    """The recorded total gradient, on the same scale."""
    log_scale: Float[ndarray, "time batch"]
    """Nats."""
    log_norm: dict[str, Float[ndarray, "time batch"]]
    """Route → ln of its norm (nats); −inf if it carries nothing."""
    total_log_norm: Float[ndarray, "time batch"]
    direct_path_log_norm: Float[ndarray, "time batch"]
    """ln of the norm (nats) of the gradient that came by `loss` and then by `state` alone: Π f (or Π z) times the
    direct gradient.

    Lectures call it the uninterrupted path. The full gradient has all other routes, too.
    """
    share: dict[str, Float[ndarray, "time batch"]]
    """Route → ⟨route, total⟩ / ‖total‖². Shares sum to 1; below 0 for a route against the total; NaN if it is zero."""
    reason: str | None = None
    """Why an entry is NaN, in a sentence; None if none is."""


def paths(layer: LayerRecord) -> Paths:
    """How much of the gradient each route carries from one recorded step to the step before.

    Args:
        layer: a recorded layer. If it is truncated, only the loss reaches the state at a boundary.

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
    path = layer.cell.gated_path
    if path is None:
        raise ValueError(f"layer has cells {type(layer.cell).__name__}; they have no gate that keeps a state.")
    steps = layer.in_order()
    total, direct = ([layer.ordered(x) for x in parts] for parts in (layer.total, layer.direct))
    cut = layer.cut()
    routes = {name: with_nothing_last(r, cut) for name, r in path.routes(steps, total).items()}
    routes = {"loss": path.loss(steps, direct), **routes}
    return summary(path, total[-1], routes, path.keep(steps), cut, layer.reverse)


def with_nothing_last(route: Scaled, cut: list[bool]) -> Scaled:
    """Shift a route from index t+1 to index t: nothing comes back to the last state, or across a truncation."""
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


def summary(path: GatedPath, total: Scaled, routes: Routes, keep: Tensor, cut: list[bool], reverse: bool) -> Paths:
    """The result in numpy at input positions, with one scale per timestep and sample."""
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
        target=path.target,
        keep_words=path.keep_words,
        routes={name: array(vector) for name, vector in vectors.items()},
        total=array(whole),
        log_scale=array(exponent.double() * LN_2),
        log_norm={name: norms(route) for name, route in routes.items()},
        total_log_norm=norms(total),
        direct_path_log_norm=norms(direct_path(routes["loss"], keep, cut)),
        share=share,
        reason="Where the total gradient is zero or has diverged there are no shares." if empty else None,
    )

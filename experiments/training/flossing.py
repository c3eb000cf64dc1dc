"""Gradient flossing: steps that push the leading Lyapunov exponents to 0 before the task is learned (Engelken 2023).

    F = (1/k) Σ_{i ≤ k} λ_i²,   λ_i = 1/(T − ⌊T/5⌋) Σ_{t ≥ ⌊T/5⌋} ln R_ii,t,   J_t Q_{t−1} = Q_t R_t,   t from 0

The first ⌊T/5⌋ timesteps only turn Q to the leading directions.

The gradient of F goes through every QR decomposition, every Jacobian and every state.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from analysis.jacobian import state_jacobian
from models.bptt.lognorm import log_norm_of_all
from models.cells.cell import Cell
from models.networks.network import Network
from models.recording.layer_record import LayerStates

SEQUENCES = 4
"""Sequences of the batch whose exponents are averaged."""
SETTLING = 5
"""One in so many timesteps, the first ones, turns Q to the leading directions and counts for nothing."""


@dataclass(frozen=True, eq=False)
class Flossed:
    """What training gets instead of the loss's gradient."""

    exponents: Float64[Tensor, " exponent"]
    """The leading exponents of the layer (nats per step)."""
    grads: dict[str, Tensor]
    log_norms: dict[str, float]
    """ln‖g‖ of each parameter (nats); -inf outside of the recurrent layer."""

    @property
    def square(self) -> float:
        """F (nats²)."""
        return float((self.exponents**2).mean())


def floss(model: Network, inputs: Float[Tensor, "time batch input"], count: int) -> Flossed:
    """F of a network with one recurrent layer, and its gradient.

    Args:
        model: one stack of one layer and direction.
        inputs: of a batch.
        count: k, at most the size of the state.
    """
    ((stack, recurrent),) = model.stacks.items()
    with torch.inference_mode(False), torch.enable_grad():
        cell = recurrent.cell(0).with_weights(lambda w: w.detach().double().requires_grad_())
        exponents = leading_exponents(cell, inputs[:, :SEQUENCES].double(), count)
        weights = {f"{stack}.{name}{recurrent.suffix(0, 0)}": weight for name, weight in cell.weights.items()}
        found = torch.autograd.grad(
            (exponents**2).mean(), list(weights.values()), allow_unused=True, materialize_grads=True
        )
    of_weights = dict(zip(weights, found, strict=True))
    grads = {
        name: of_weights[name].to(p.dtype) if name in of_weights else torch.zeros_like(p)
        for name, p in model.named_parameters()
    }
    log_norms = {name: log_norm_of_all(of_weights[name]) if name in of_weights else -math.inf for name in grads}
    return Flossed(exponents.detach(), grads, log_norms)


def leading_exponents(
    cell: Cell, inputs: Float[Tensor, "time batch input"], count: int
) -> Float64[Tensor, " exponent"]:
    """The leading exponents (nats per step), the mean over sequences, so that autograd can differentiate them."""
    T, B, _ = inputs.shape
    sizes, settling = cell.state_sizes, T // SETTLING
    s = torch.cat(cell.initial_state(B), dim=-1)
    Q = torch.eye(s.shape[1], dtype=s.dtype, device=s.device)[:, :count].expand(B, -1, -1)
    total = torch.zeros(B, count, dtype=s.dtype, device=s.device)
    for t, x in enumerate(inputs):
        before = s.split(sizes, dim=-1)
        after, gates = cell.step(x, before)
        J = state_jacobian(LayerStates(cell=cell, inputs=x, before=before, after=after, gates=gates))
        s = torch.cat(after, dim=-1)
        Q, R = torch.linalg.qr(J @ Q)
        if t >= settling:
            total = total + R.diagonal(dim1=-2, dim2=-1).abs().log()
    return (total / (T - settling)).mean(dim=0)

"""The gradient with Pascanu's penalty Ω: dL/dθ + weight · ∂⁺Ω/∂θ, summed over all layers and directions."""

from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.penalty import penalty_gradient
from models import Trace
from models.bptt.lognorm import log_norm_of_all
from models.networks.network import Network


@dataclass(frozen=True, eq=False)
class Penalised:
    """What training gets instead of the loss's gradient."""

    omega: float
    """Ω of all layers and directions, the mean over sequences."""
    grads: dict[str, Tensor]
    log_norms: dict[str, float]
    """ln‖g‖ of each parameter (nats)."""


def penalise(model: Network, trace: Trace, weight: float) -> Penalised:
    """Add the penalty's gradient to that of a recorded pass."""
    grads, log_norms, omega = dict(trace.parameter_grads), dict(trace.parameter_log_norm), 0.0
    for name, recurrent in model.stacks.items():
        D = recurrent.num_directions
        for k, layer in enumerate(trace.stacks[name].layers):
            found = penalty_gradient(layer)
            omega += found.omega
            for of_cell, grad in found.grads.items():
                parameter = f"{name}.{of_cell}{recurrent.suffix(k // D, k % D)}"
                total = grads[parameter].double() + weight * grad
                grads[parameter] = total.to(grads[parameter].dtype)
                if bool(torch.isfinite(grads[parameter]).all()):  # otherwise the pass knows its size better
                    log_norms[parameter] = log_norm_of_all(total)
    return Penalised(omega, grads, log_norms)

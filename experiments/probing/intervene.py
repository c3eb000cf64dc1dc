"""Change a state on its way from one timestep to the next, and compare what the loss does with what its gradient says.

    L(h_t + δ) − L(h_t) ≈ (dL/dh_t − direct_t) · δ,

where direct_t, the loss's own view of h_t, is left out: the change acts from timestep t + 1 on.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from analysis.numbers import log_quantile
from experiments.errors import ConfigError
from experiments.probing.probe import Probe
from models import SequenceModel, record

Act = Literal["zero", "set", "shift"]


@dataclass(frozen=True, eq=False)
class Intervention:
    """What a change of one unit's state did. Arrays over time begin at timestep `t` + 1."""

    t: int
    unit: int
    """From 1, as `t`."""
    before: float
    after: float
    """The unit's state in the first sequence."""
    loss_before: float
    loss_after: float
    predicted: float
    """The loss by the gradient: the old one and the change of the states times their gradient."""
    log_norm_before: Float[ndarray, " later"]
    log_norm_after: Float[ndarray, " later"]
    """Median of ln‖dL/dh_s‖ over the batch (nats), s = t + 1 … T."""


def intervene(probe: Probe, act: Act, t: int, unit: int, value: float = 0.0) -> Intervention:
    """Zero, set or shift one unit of the top layer in every sequence, as the state goes from timestep t to t + 1.

    Raises:
        ConfigError: there is no such timestep or unit, or the network is of a kind that cannot start from a state.
    """
    experiment, trace = probe.experiment, probe.trace
    model, config = experiment.model, experiment.config
    T, H = trace.seq_len, trace.hidden.shape[-1]
    if not isinstance(model, SequenceModel) or config.bidirectional or not model.readout.at_each_step:
        raise ConfigError("An intervention needs a network of one direction that answers at each timestep.")
    if experiment.lengths is not None or config.truncate is not None:
        raise ConfigError("An intervention needs sequences of equal length, and a gradient that is not truncated.")
    if not 1 <= t < T:
        raise ConfigError(f"Timestep was {t}; the state can be changed after timestep 1 to {T - 1}.")
    if not 1 <= unit <= H:
        raise ConfigError(f"Unit was {unit}; it must be from 1 to {H}.")
    top = trace.hidden.shape[0] - 1
    states = [state[:, t - 1].clone() for state in (trace.hidden, trace.cell_state) if state is not None]
    old = states[0][top, :, unit - 1].clone()
    new = {"zero": torch.zeros_like(old), "set": torch.full_like(old, value), "shift": old + value}[act]
    states[0][top, :, unit - 1] = new

    def loss(later: Tensor) -> Tensor:
        outputs = torch.cat([trace.outputs[:t], later])
        return experiment.task.loss(outputs, experiment.targets, config.loss_position)

    changed = record(model, experiment.inputs[t:], loss, start=states, path=trace.path)
    scale = trace.log_scale[top, t - 1].double().exp()
    total = trace.grad_hidden[top, t - 1, :, unit - 1].double() * scale
    direct = trace.direct_grad_hidden[top, t - 1, :, unit - 1].double()
    predicted = trace.loss_value + float(((total - direct) * (new - old).double()).sum())
    return Intervention(
        t, unit, float(old[0]), float(new[0]), trace.loss_value, changed.loss_value, predicted,
        log_quantile(trace.log_norm[top, t:].numpy(), 0.5), log_quantile(changed.log_norm[top].numpy(), 0.5),
    )  # fmt: skip

"""What one recorded pass holds."""

from dataclasses import dataclass

from jaxtyping import Float, Float64
from torch import Tensor

from models.lognorm import log_norm
from models.scaled import LN_2, Scaled, times_power_of_two


@dataclass(frozen=True, eq=False)
class Trace:
    """One forward and backward pass, step by step.

    Arrays are [layer, time, batch, unit]; time is h_1 … h_T at their input positions, in the reverse direction
    too. With two directions, layer 2*l + d is layer l in direction d, as torch's `h_n`. A true gradient is
    its direction times exp(log_scale); it may be far outside of what the dtype can hold, its log norm is not.
    """

    inputs: Float[Tensor, "time batch input"]
    outputs: Float[Tensor, "time batch output"]
    """The readout at every timestep."""
    loss: Float[Tensor, ""]

    hidden: Float[Tensor, "layer time batch unit"]
    cell_state: Float[Tensor, "layer time batch unit"] | None
    """c_t where the cell has one."""
    gates: dict[str, Float[Tensor, "layer time batch unit"]]
    """Gate → values, torch's names and order: LSTM i f g o, GRU r z n, Elman none."""

    grad_hidden: Float[Tensor, "layer time batch unit"]
    """Direction of the total gradient dL/dh_t."""
    grad_cell: Float[Tensor, "layer time batch unit"] | None
    """Direction of the total gradient dL/dc_t, the path through h_t included."""
    log_scale: Float64[Tensor, "layer time batch"]
    """Nats: the true gradients are `grad_hidden * exp(log_scale)` and `grad_cell * exp(cell_log_scale)`."""
    cell_log_scale: Float64[Tensor, "layer time batch"] | None
    """The same as `log_scale`, except where no dtype could hold dL/dh_t and dL/dc_t on one scale: saturated units."""
    direct_grad_hidden: Float[Tensor, "layer time batch unit"]
    """The direct gradient: what the loss sends to h_t without passing through h_{t+1}."""
    direct_log_norm: Float64[Tensor, "layer time batch"]
    """ln‖direct gradient‖₂, right also where `direct_grad_hidden` falls below the dtype's smallest number."""
    log_norm: Float64[Tensor, "layer time batch"]
    """ln‖dL/dh_t‖₂ (nats); -inf only where the gradient is exactly zero."""

    parameter_grads: dict[str, Tensor]
    """Name as in `model.named_parameters()` → dL/dW, unclipped."""
    parameter_log_norm: dict[str, float]
    """Name → ln‖dL/dW‖₂ (nats), also where the gradient itself overflows its dtype."""

    num_directions: int
    truncate: int | None
    path: str
    """Which implementation made this: `reference` or `fast`."""

    @property
    def seq_len(self) -> int:
        """Number of timesteps."""
        return self.hidden.shape[1]

    @property
    def cell_log_norm(self) -> Float64[Tensor, "layer time batch"] | None:
        """ln‖dL/dc_t‖₂ (nats) where the cell has a cell state."""
        if self.grad_cell is None or self.cell_log_scale is None:
            return None
        return log_norm(self.grad_cell) + self.cell_log_scale

    @property
    def total_grad_hidden(self) -> Float[Tensor, "layer time batch unit"]:
        """The true dL/dh_t in the model's dtype: 0 or Inf where the dtype cannot hold it."""
        return _true(self.grad_hidden, self.log_scale)

    @property
    def total_grad_cell(self) -> Float[Tensor, "layer time batch unit"] | None:
        """The true dL/dc_t in the model's dtype: 0 or Inf where the dtype cannot hold it."""
        if self.grad_cell is None or self.cell_log_scale is None:
            return None
        return _true(self.grad_cell, self.cell_log_scale)


def _true(direction: Tensor, log_scale: Tensor) -> Tensor:
    exponent = (log_scale / LN_2).round().long()  # log_scale is a whole number of powers of two
    return times_power_of_two(direction, exponent.unsqueeze(-1))


def scaled_log_norm(scaled: Scaled) -> Float64[Tensor, "*sample"]:
    """ln‖x‖₂ of a scaled tensor with one part (nats)."""
    return log_norm(scaled.parts[0]) + scaled.exponent.double() * LN_2

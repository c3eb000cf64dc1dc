"""One recorded layer and direction: all that an analysis needs, whatever network it came from.

Its weights are copies, as they were when it was recorded: a training that goes on does not change a record.
"""

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TypeVar

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from models.cell import Cell, Gates, State
from models.lognorm import log_norm
from models.scaled import LN_2, Scaled

Index = int | slice | Tensor | tuple[int | slice | Tensor, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class LayerStates:
    """The forward pass of one layer and direction. Arrays are [time, batch, unit], at input positions."""

    cell: Cell
    """With detached weights, as they were."""
    inputs: Float[Tensor, "*sample input"]
    before: State
    """s_{t-1} in the order in which the direction reads: (h,) or (h, c). The first is the start state."""
    after: State
    """s_t; zero in padding."""
    gates: Gates
    reverse: bool = False
    """Whether the direction reads from the last input to the first."""
    lengths: Int64[Tensor, " batch"] | None = None
    """Timesteps of each sequence, where they differ; what lies beyond is padding."""

    def __getitem__(self, index: Index) -> "LayerStates":
        """The states of the steps at `index` of the leading axes."""
        return LayerStates(
            cell=self.cell,
            inputs=self.inputs[index],
            before=tuple(s[index] for s in self.before),
            after=tuple(s[index] for s in self.after),
            gates={name: gate[index] for name, gate in self.gates.items()},
            reverse=self.reverse,
        )

    @property
    def seq_len(self) -> int:
        """Number of timesteps, padding included."""
        return self.inputs.shape[0]

    @property
    def batch_size(self) -> int:
        """Number of sequences."""
        return self.inputs.shape[1]

    @property
    def state_size(self) -> int:
        """Numbers in the state: one per hidden unit, two where the cell has a cell state."""
        return len(self.after) * self.cell.hidden_size

    @property
    def hidden(self) -> Float[Tensor, "*sample unit"]:
        """h_t."""
        return self.after[0]

    @property
    def start(self) -> State:
        """s_0, the state before the first timestep that the direction reads: [batch, unit]."""
        return tuple(s[-1 if self.reverse else 0] for s in self.before)

    @property
    def padding(self) -> Tensor | None:
        """[time, batch]: True beyond a sequence's end; None where all sequences have the same length."""
        return None if self.lengths is None else padding(self.seq_len, self.lengths)

    def flipped(self, x: Tensor) -> Tensor:
        """[time, …] from input positions to the order in which the direction reads, or the other way."""
        return x.flip(0) if self.reverse else x

    def in_order(self) -> "LayerStates":
        """The states in the order in which the direction reads, in float64 on the CPU."""

        def ordered(x: Tensor) -> Tensor:
            return self.flipped(x.detach().cpu().double())

        return LayerStates(
            cell=self.cell.with_weights(lambda w: w.detach().cpu().double()),
            inputs=ordered(self.inputs),
            before=tuple(ordered(s) for s in self.before),
            after=tuple(ordered(s) for s in self.after),
            gates={name: ordered(gate) for name, gate in self.gates.items()},
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class LayerRecord(LayerStates):
    """The forward and the backward pass of one layer and direction.

    A gradient is its `parts` times 2 to the power of its `exponent`, one whole number per timestep and sequence. The
    parts are those of the state: dL/dh_t, and dL/dc_t where the cell has a cell state.
    """

    direct: Scaled
    """What the loss sends to s_t without passing through s_{t+1}."""
    total: Scaled
    """dL/ds_t over all paths; dL/dc_t includes the path through h_t. Zero in padding."""
    log_norm: Float64[Tensor, "time batch"]
    """ln‖dL/dh_t‖₂ (nats); -inf only where the gradient is exactly zero, NaN in padding."""
    direct_log_norm: Float64[Tensor, "time batch"]
    """ln of the norm of what the loss sends to h_t directly (nats); NaN in padding."""
    grad_start: Scaled
    """dL/dh_0, and dL/dc_0 where the cell has a cell state: [batch, unit]."""
    truncate: int | None = None
    """Truncated BPTT: the gradient stops between the input positions k and k+1, 2k and 2k+1, …"""

    @property
    def log_scale(self) -> Float64[Tensor, "time batch"]:
        """Nats: a true gradient is its direction times exp(log_scale)."""
        return self.total.exponent.double() * LN_2

    @property
    def cell_log_norm(self) -> Float64[Tensor, "time batch"] | None:
        """ln‖dL/dc_t‖₂ (nats) where the cell has a cell state."""
        return log_norm(self.total.parts[1]) + self.log_scale if len(self.total.parts) > 1 else None

    def cut(self) -> list[bool]:
        """For each timestep in reading order: whether the gradient stops between it and the one read before it."""
        positions = range(self.seq_len)[:: -1 if self.reverse else 1]
        return [self.truncate is not None and is_boundary(t, self.truncate, self.reverse) for t in positions]

    def total_in_order(self) -> Scaled:
        """dL/ds_t in the order in which the direction reads, in float64 on the CPU."""
        return self._ordered(self.total)

    def direct_in_order(self) -> Scaled:
        """The direct gradients in the order in which the direction reads, in float64 on the CPU."""
        return self._ordered(self.direct)

    def _ordered(self, x: Scaled) -> Scaled:
        parts = tuple(self.flipped(part.detach().cpu().double()) for part in x.parts)
        return Scaled(parts, self.flipped(x.exponent.cpu()))

    @cached_property
    def adjoint(self) -> Scaled:
        """dL/ds_t with h_t and c_t held independent of each other, float64: what the recursion passes on.

        dL/dc_t = total − (∂h_t/∂c_t)ᵀ dL/dh_t; of h_t the two are the same.
        """
        parts = tuple(part.double() for part in self.total.parts)
        if len(parts) == 1:
            return Scaled(parts, self.total.exponent)
        (h, c), _ = self._recomputed()
        (through_h,) = torch.autograd.grad(h, (c,), parts[0].flatten(0, 1))
        return Scaled((parts[0], parts[1] - through_h.unflatten(0, self.inputs.shape[:2])), self.total.exponent)

    @cached_property
    def grad_inputs(self) -> Scaled:
        """dL/dx_t of every timestep, float64: [time, batch, input]. Computed when it is first asked for."""
        after, inputs = self._recomputed()
        (grad,) = torch.autograd.grad(after, (inputs,), [part.flatten(0, 1) for part in self.adjoint.parts])
        return Scaled((grad,), self.total.exponent)

    def _recomputed(self) -> tuple[State, Tensor]:
        """`recompute` in float64 for autograd, and the inputs."""
        cell = self.cell.with_weights(Tensor.double)
        with torch.inference_mode(False), torch.enable_grad():
            inputs = self.inputs.detach().double().clone().requires_grad_()
            return recompute(cell, inputs, tuple(s.double() for s in self.before)), inputs


def recompute(cell: Cell, inputs: Float[Tensor, "time batch input"], before: State) -> State:
    """s_t of every timestep from s_{t-1}, all at once: [time · batch, unit], since no step depends on another."""
    after, _ = cell.step(inputs.flatten(0, 1), tuple(s.flatten(0, 1) for s in before))
    return after


AnyStates = TypeVar("AnyStates", bound=LayerStates)


def without_padding(states: AnyStates) -> AnyStates:
    """The states with zeros in padding, as torch pads; `before` keeps what the recursion starts from."""
    pad = states.padding
    if pad is None:
        return states
    after = tuple(s.masked_fill(pad[..., None], 0) for s in states.after)
    gates = {name: gate.masked_fill(pad[..., None], 0) for name, gate in states.gates.items()}
    return replace(states, after=after, gates=gates)


def with_gradients(
    states: LayerStates,
    *,
    direct: Scaled,
    total: Scaled,
    log_norm: Tensor,
    direct_log_norm: Tensor,
    grad_start: Scaled,
    truncate: int | None,
) -> LayerRecord:
    """The record of a layer from its forward pass and its gradients; padding gets its zeros and NaN."""
    pad = states.padding
    if pad is not None:
        direct, total = (
            Scaled(tuple(p.masked_fill(pad[..., None], 0) for p in x.parts), x.exponent) for x in (direct, total)
        )
        log_norm, direct_log_norm = log_norm.masked_fill(pad, torch.nan), direct_log_norm.masked_fill(pad, torch.nan)
    return LayerRecord(
        **{f.name: getattr(states, f.name) for f in fields(LayerStates)},
        direct=direct,
        total=total,
        log_norm=log_norm,
        direct_log_norm=direct_log_norm,
        grad_start=grad_start,
        truncate=truncate,
    )


def padding(seq_len: int, lengths: Int64[Tensor, " batch"]) -> Tensor:
    """[time, batch]: True at the positions beyond a sequence's end."""
    return torch.arange(seq_len, device=lengths.device)[:, None] >= lengths


def is_boundary(t: int, truncate: int, reverse: bool) -> bool:
    """Whether the gradient stops between position t (from 0) and the one that the direction read before it.

    It reaches the start state: nothing was read before the first position.
    """
    return (t + 1) % truncate == 0 if reverse else t % truncate == 0

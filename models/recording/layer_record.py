"""One recorded layer and direction: all data that an analysis needs, from any network.

Its weights are copies from the time of the recording, so that a running training does not change a record.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TypeVar

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from models.bptt.lengths import ended_together, padding
from models.bptt.scaled import LN_2, Scaled, scaled_log_norm
from models.bptt.truncation import Blocks, TruncateKind
from models.cells.cell import Cell, Gates, State

Index = int | slice | Tensor | tuple[int | slice | Tensor, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class LayerStates:
    """The forward pass of one layer and direction. Arrays are [time, batch, unit], at input positions."""

    cell: Cell
    """The cell, with detached weights as they were recorded."""
    inputs: Float[Tensor, "*sample input"]
    before: State
    """s_{t-1} in the order in which the direction reads: (h,) or (h, c). The first is the start state."""
    after: State
    """s_t; zero in padding."""
    gates: Gates
    reverse: bool = False
    """Whether the direction reads from the last input to the first."""
    lengths: Int64[Tensor, " batch"] | None = None
    """Timesteps of each sequence, None if all are equal; positions beyond are padding."""

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
        """Size of the state: one number per hidden unit, two with a cell state."""
        return sum(self.cell.state_sizes)

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

    def ended_together(self, x: Tensor) -> Tensor:
        """[time, batch] of gradients with every sequence moved to end at the last timestep; NaN before it begins.

        In the reverse direction all sequences end at the first position as they are.
        """
        return x if self.lengths is None or self.reverse else ended_together(x, self.lengths)

    def flipped(self, x: Tensor) -> Tensor:
        """[time, …] from input positions to the order in which the direction reads, or the other way."""
        return x.flip(0) if self.reverse else x

    def in_order(self) -> "LayerStates":
        """The states in the order in which the direction reads, in float64 on the CPU.

        Raises:
            ValueError: sequences of several lengths, whose padding is no state.
        """
        if self.lengths is not None:
            raise ValueError(
                "This layer has sequences of several lengths; take one of them, such as layer.sequence(0)."
            )
        states = self._changed(lambda x: self.flipped(x.detach().cpu().double()))
        return replace(states, cell=self.cell.on_cpu(), reverse=False)

    def in_float64(self) -> "LayerStates":
        """The same states in float64, to be differentiated: they are what another dtype computed."""
        return replace(self._changed(lambda x: x.detach().double()), cell=self.cell.in_float64())

    def _changed(self, change: Callable[[Tensor], Tensor]) -> "LayerStates":
        return LayerStates(
            cell=self.cell,
            inputs=change(self.inputs),
            before=tuple(change(s) for s in self.before),
            after=tuple(change(s) for s in self.after),
            gates={name: change(gate) for name, gate in self.gates.items()},
            reverse=self.reverse,
            lengths=self.lengths,
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class LayerRecord(LayerStates):
    """The forward and the backward pass of one layer and direction.

    A gradient is its direction times 2 to the power of its `exponent`, one whole number per timestep and sequence.
    There is one for each part of the state: h, and c where the cell has a cell state.
    """

    direct: tuple[Scaled, ...]
    """The direct gradient of h_t, and of c_t: the loss's gradient that does not pass through s_{t+1}."""
    total: tuple[Scaled, ...]
    """dL/dh_t, and dL/dc_t with the path through h_t, over all paths. Zero in padding.

    Their exponents are the same, except where no dtype could hold both on one scale: saturated units.
    """
    log_norm: Float64[Tensor, "time batch"]
    """ln‖dL/dh_t‖₂ (nats); -inf only where the gradient is exactly zero, NaN in padding."""
    direct_log_norm: Float64[Tensor, "time batch"]
    """ln of the norm of the direct gradient of h_t (nats); NaN in padding."""
    grad_start: tuple[Scaled, ...]
    """dL/dh_0, and dL/dc_0 where the cell has a cell state: [batch, unit]."""
    truncate: int | None = None
    """Truncated BPTT: the steps k of a block or a window; None for full BPTT."""
    truncate_kind: TruncateKind = "blocks"
    """`blocks`: the gradient stops between the input positions k and k+1, 2k and 2k+1, …; `window`: each loss goes back
    to the k latest states."""

    def sequence(self, index: int) -> "LayerRecord":
        """The record of one sequence of the batch, without padding."""
        end = None if self.lengths is None else int(self.lengths[index])
        return self._part(slice(end), slice(index, index + 1) if index != -1 else slice(index, None), None)

    def until_longest(self) -> "LayerRecord":
        """The record without the timesteps that are padding in every sequence."""
        longest = self.seq_len if self.lengths is None else int(self.lengths.max())
        if longest == self.seq_len or self.lengths is None:
            return self
        return self._part(slice(longest), slice(None), self.lengths if bool((self.lengths < longest).any()) else None)

    def _part(self, within: slice, only: slice, lengths: Int64[Tensor, " batch"] | None) -> "LayerRecord":
        """These timesteps of these sequences."""

        def part(x: Tensor) -> Tensor:
            return x[within, only]

        def of_gradients(parts: tuple[Scaled, ...]) -> tuple[Scaled, ...]:
            return tuple(Scaled(tuple(part(p) for p in x.parts), part(x.exponent)) for x in parts)

        return replace(
            self,
            inputs=part(self.inputs),
            before=tuple(part(s) for s in self.before),
            after=tuple(part(s) for s in self.after),
            gates={name: part(gate) for name, gate in self.gates.items()},
            lengths=lengths,
            direct=of_gradients(self.direct),
            total=of_gradients(self.total),
            log_norm=part(self.log_norm),
            direct_log_norm=part(self.direct_log_norm),
            grad_start=tuple(x[only] for x in self.grad_start),
        )

    @property
    def log_scale(self) -> Float64[Tensor, "time batch"]:
        """Nats: dL/dh_t is its direction times exp(log_scale)."""
        return self.total[0].exponent.double() * LN_2

    @cached_property
    def broken_gradients(self) -> int:
        """How many (timestep, sequence) pairs have a gradient that is not finite; padding has none."""
        broken = self.log_norm.isnan() | self.log_norm.isposinf()
        return int((broken if self.padding is None else broken & ~self.padding).sum())

    @cached_property
    def cell_log_norm(self) -> Float64[Tensor, "time batch"] | None:
        """ln‖dL/dc_t‖₂ (nats) where the cell has a cell state."""
        return scaled_log_norm(self.total[1]) if len(self.total) > 1 else None

    @property
    def window(self) -> int | None:
        """How many of the latest states each loss reaches; None without a sliding window."""
        return self.truncate if self.truncate_kind == "window" else None

    def cut(self) -> list[bool]:
        """For each timestep in reading order: whether the gradient stops between it and the one read before it.

        Raises:
            ValueError: a window, which stops each loss's gradient somewhere else.
        """
        if self.truncate is None:
            return [False] * self.seq_len
        if self.window is not None:
            raise ValueError("This layer's gradient is truncated by windows, which stop no two losses at one timestep.")
        blocks = Blocks(self.truncate)
        return [blocks.begins_at(t, self.reverse) for t in range(self.seq_len)[:: -1 if self.reverse else 1]]

    def ordered(self, x: Scaled) -> Scaled:
        """A gradient [time, batch, unit] in the order in which the direction reads, in float64 on the CPU."""
        parts = tuple(self.flipped(part.detach().cpu().double()) for part in x.parts)
        return Scaled(parts, self.flipped(x.exponent.cpu()))

    @cached_property
    def adjoint(self) -> Scaled:
        """dL/ds_t with h_t and c_t independent of each other, float64: the gradient that the recursion passes on.

        dL/dc_t = total − (∂h_t/∂c_t)ᵀ dL/dh_t; of h_t the two are the same.
        """
        exponent = self.total[0].exponent
        parts = tuple(Scaled((x.parts[0].double(),), x.exponent).at(exponent).parts[0] for x in self.total)
        if len(parts) == 1:
            return Scaled(parts, exponent)
        (h, c), _ = self._recomputed()
        (through_h,) = torch.autograd.grad(h, (c,), parts[0].flatten(0, 1))
        return Scaled((parts[0], parts[1] - through_h.unflatten(0, self.inputs.shape[:2])), exponent)

    @cached_property
    def grad_inputs(self) -> Scaled:
        """dL/dx_t of every timestep, float64: [time, batch, input]. It is computed at its first use."""
        after, inputs = self._recomputed()
        (grad,) = torch.autograd.grad(after, (inputs,), [part.flatten(0, 1) for part in self.adjoint.parts])
        return Scaled((grad,), self.adjoint.exponent)

    def _recomputed(self) -> tuple[State, Tensor]:
        """`recompute` in float64 for autograd, and the inputs."""
        run = self.in_float64()
        with torch.inference_mode(False), torch.enable_grad():
            inputs = run.inputs.clone().requires_grad_()
            return recompute(run.cell, inputs, run.before), inputs


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
    direct: tuple[Scaled, ...],
    total: tuple[Scaled, ...],
    log_norm: Tensor,
    direct_log_norm: Tensor,
    grad_start: tuple[Scaled, ...],
) -> LayerRecord:
    """The record of a layer from its forward pass and its gradients; padding gets its zeros and NaN."""
    pad = states.padding
    if pad is not None:
        direct, total = (
            tuple(Scaled((x.parts[0].masked_fill(pad[..., None], 0),), x.exponent) for x in parts)
            for parts in (direct, total)
        )
        log_norm, direct_log_norm = log_norm.masked_fill(pad, torch.nan), direct_log_norm.masked_fill(pad, torch.nan)
    return LayerRecord(
        **{f.name: getattr(states, f.name) for f in fields(LayerStates)},
        direct=direct,
        total=total,
        log_norm=log_norm,
        direct_log_norm=direct_log_norm,
        grad_start=grad_start,
    )

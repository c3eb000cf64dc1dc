"""Backpropagation through time as the textbook writes it, for any cell.

    dL/ds_t = direct_t + (∂s_{t+1}/∂s_t)ᵀ dL/ds_{t+1}        (Werbos 1990; Pascanu et al. 2013, eqs. 3-5)
    dL/dθ   = Σ_t (∂s_t/∂θ)ᵀ dL/ds_t

s is the whole state, h or (h, c). The adjoint dL/ds_t carries a power of two with it, so that neither 1e-400 nor
1e+400 is lost on its way. This file is the definition; anything faster is tested against it.
"""

from typing import ClassVar

import torch
from torch import Tensor

from models.cell import Cell, Gates, State
from models.engine import Backward, Engine
from models.layer_record import LayerStates, is_boundary, recompute, with_gradients, without_padding
from models.lognorm import log_norm
from models.scaled import LN_2, Scaled, times_power_of_two
from models.sequence_model import processing_order
from models.trace import scaled_log_norm


class ReferenceEngine(Engine):
    """The definition: a loop over time, and autograd through one step."""

    name: ClassVar[str] = "reference"

    def forward(
        self, cell: Cell, inputs: Tensor, start: State, reverse: bool = False, lengths: Tensor | None = None
    ) -> LayerStates:
        """See `Engine.forward`."""
        seq_len = len(inputs)
        before: list[State] = [start] * seq_len
        after: list[State] = [start] * seq_len
        gates: list[Gates] = [{}] * seq_len
        state = start
        for t in processing_order(seq_len, reverse):
            before[t] = state
            state, gates[t] = cell.step(inputs[t], state)
            if lengths is not None:  # a sequence keeps its state where it has no input
                within = (t < lengths)[:, None]
                state = tuple(torch.where(within, new, old) for new, old in zip(state, before[t], strict=True))
            after[t] = state
        states = LayerStates(
            cell=cell,
            inputs=inputs,
            before=stack_over_time(before),
            after=stack_over_time(after),
            gates={name: torch.stack([gates_t[name] for gates_t in gates]) for name in cell.gate_names},
            reverse=reverse,
            lengths=lengths,
        )
        return without_padding(states)

    def backward(self, states: LayerStates, direct: Scaled, truncate: int | None, through_inputs: bool) -> Backward:
        """See `Engine.backward`."""
        zero = tuple(torch.zeros_like(s[0]) for s in states.after)
        direct = Scaled(
            (*direct.parts, *(torch.zeros_like(s) for s in states.after[len(direct.parts) :])), direct.exponent
        )
        pad = states.padding
        carried = Scaled.of(*zero)
        adjoints: list[Scaled] = [carried] * states.seq_len
        totals: list[Scaled] = [carried] * states.seq_len

        order = processing_order(states.seq_len, states.reverse)
        for t in reversed(order):
            adjoints[t] = direct[t] + carried
            if pad is not None:
                adjoints[t], waiting = zero_where(pad[t], adjoints[t]), adjoints[t]
            totals[t], carried = step_vjp(states, t, adjoints[t])
            if pad is not None:
                carried = choose(pad[t], waiting, carried)
            if truncate is not None and t != order[0] and is_boundary(t, truncate, states.reverse):
                carried = Scaled.of(*zero)

        adjoint, total = stack_scaled(adjoints), stack_scaled(totals)
        h, direct_h = (Scaled(x.parts[:1], x.exponent) for x in (total, direct))
        return Backward(
            record=with_gradients(
                states,
                direct=direct,
                total=total,
                log_norm=scaled_log_norm(h),
                direct_log_norm=scaled_log_norm(direct_h),
                grad_start=carried,
                truncate=truncate,
            ),
            parameter_grads=parameter_gradients(states, adjoint),
            grad_inputs=input_gradients(states, adjoint) if through_inputs else None,
        )


def step_vjp(states: LayerStates, t: int, adjoint: Scaled) -> tuple[Scaled, Scaled]:
    """dL/d(h_t, c_t) in total, and (∂s_t/∂s_{t-1})ᵀ dL/ds_t, by autograd through one step."""
    before = tuple(s[t].detach().requires_grad_() for s in states.before)
    with torch.enable_grad():
        after, _ = states.cell.step(states.inputs[t], before)
    grads = torch.autograd.grad(after, (*after, *before), adjoint.parts, allow_unused=True, materialize_grads=True)
    n = len(after)
    return Scaled(grads[:n], adjoint.exponent), Scaled(grads[n:], adjoint.exponent)


def input_gradients(states: LayerStates, adjoint: Scaled) -> Scaled:
    """dL/dx_t of every timestep at once: given the adjoints, no step depends on another."""
    inputs = states.inputs.detach().requires_grad_()
    with torch.enable_grad():
        after = recompute(states.cell, inputs, states.before)
    (grad,) = torch.autograd.grad(after, (inputs,), flat(adjoint))
    return Scaled((grad,), adjoint.exponent)


def parameter_gradients(states: LayerStates, adjoint: Scaled) -> dict[str, tuple[Tensor, float]]:
    """dL/dθ = Σ_t (∂s_t/∂θ)ᵀ dL/ds_t for each of the cell's parameters, and its log norm (nats).

    The sum is taken relative to the largest adjoint where that is outside of the dtype's comfortable range.
    """
    largest = int(adjoint.magnitude().max())
    comfortable = 64  # 2^±64: sums of squares of such numbers exist in float32, too
    common = largest if abs(largest) > comfortable and largest > -(2**61) else 0
    weighted = adjoint.at(torch.full_like(adjoint.exponent, common))

    cell = states.cell.with_weights(lambda w: w.detach().requires_grad_())
    with torch.enable_grad():
        after = recompute(cell, states.inputs, states.before)
    variables = tuple(cell.weights.values())
    grads = torch.autograd.grad(after, variables, flat(weighted), allow_unused=True, materialize_grads=True)
    power = torch.tensor(common)
    return {
        name: (times_power_of_two(grad, power), log_norm(grad.flatten()).item() + common * LN_2)
        for name, grad in zip(cell.weights, grads, strict=True)
    }


def flat(x: Scaled) -> list[Tensor]:
    """The parts [time · batch, unit], as `recompute` has the states."""
    return [part.flatten(0, 1) for part in x.parts]


def stack_over_time(steps: list[State]) -> State:
    """Per-timestep states as tensors with a leading time axis."""
    return tuple(torch.stack(tensors) for tensors in zip(*steps, strict=True))


def stack_scaled(steps: list[Scaled]) -> Scaled:
    """Per-timestep values as one value with a leading time axis."""
    parts = zip(*(step.parts for step in steps), strict=True)
    return Scaled(tuple(torch.stack(p) for p in parts), torch.stack([step.exponent for step in steps]))


def zero_where(chosen: Tensor, x: Scaled) -> Scaled:
    """x with zeros for the chosen samples."""
    return Scaled(tuple(part.masked_fill(chosen[:, None], 0) for part in x.parts), x.exponent)


def choose(chosen: Tensor, a: Scaled, b: Scaled) -> Scaled:
    """a for the chosen samples, b for the others."""
    parts = tuple(torch.where(chosen[:, None], p, q) for p, q in zip(a.parts, b.parts, strict=True))
    return Scaled(parts, torch.where(chosen, a.exponent, b.exponent))

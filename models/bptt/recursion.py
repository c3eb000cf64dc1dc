"""Backpropagation through time as the textbook writes it, for any cell.

    dL/ds_t = direct_t + (∂s_{t+1}/∂s_t)ᵀ dL/ds_{t+1}        (Werbos 1990; Pascanu et al. 2013, eqs. 3-5)
    dL/dθ   = Σ_t (∂s_t/∂θ)ᵀ dL/ds_t

s is the whole state, h or (h, c). The adjoint dL/ds_t carries a power of two with it, so that neither 1e-400 nor
1e+400 is lost on its way. A step is differentiated in float64 whatever the dtype: one saturated unit's slope of 1e-260
is an ordinary factor there, and 0 in float32. This file is the definition; anything faster is tested against it.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from models.bptt.engine import Backward, Engine
from models.bptt.lognorm import log_norm
from models.bptt.scaled import LN_2, Scaled
from models.bptt.step_limit import limited
from models.bptt.truncation import Blocks
from models.bptt.weight_gradient import WeightGradient
from models.cells.cell import Cell, Gates, State
from models.networks.recurrent import processing_order
from models.recording.layer_record import LayerStates, recompute, with_gradients, without_padding


@dataclass(frozen=True, eq=False)
class WayBack:
    """The recursion's results, [time, batch, unit], and what is left of it at the start."""

    adjoint: Scaled
    """dL/ds_t with h_t and c_t independent of each other."""
    total: Scaled
    """dL/dh_t, and dL/dc_t with the path through h_t."""
    start: Scaled
    """dL/ds_0."""


class ReferenceEngine(Engine):
    """The definition: a loop over time, and autograd through one step.

    With a threshold it clips inside BPTT (`models.bptt.step_limit`); None does not.
    """

    name: ClassVar[str] = "reference"

    def __init__(self, threshold: float | None = None) -> None:
        self.threshold = threshold

    def forward(
        self, cell: Cell, inputs: Tensor, start: State, reverse: bool = False, lengths: Tensor | None = None
    ) -> LayerStates:
        """See `Engine.forward`."""
        before, after, gates = self.walk(cell, inputs, start, reverse, lengths)
        states = LayerStates(
            cell=cell, inputs=inputs, before=before, after=after, gates=gates, reverse=reverse, lengths=lengths
        )
        return without_padding(states)

    def walk(
        self, cell: Cell, inputs: Tensor, start: State, reverse: bool, lengths: Tensor | None
    ) -> tuple[State, State, Gates]:
        """s_{t-1}, s_t and the gates of every timestep."""
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
        stacked = {name: torch.stack([gates_t[name] for gates_t in gates]) for name in cell.gate_names}
        return stack_over_time(before), stack_over_time(after), stacked

    def begin(self, cell: Cell, inputs: Tensor, start: State) -> LayerStates:
        """See `Engine.begin`."""
        memory = [torch.cat([s[None], s.new_zeros(len(inputs), *s.shape)]) for s in start]
        return LayerStates(
            cell=cell,
            inputs=inputs,
            before=tuple(states[:-1] for states in memory),
            after=tuple(states[1:] for states in memory),
            gates={name: inputs.new_zeros(*inputs.shape[:2], cell.hidden_size) for name in cell.gate_names},
        )

    def step(self, states: LayerStates, t: int) -> None:
        """See `Engine.step`."""
        after, gates = states.cell.step(states.inputs[t], tuple(s[t] for s in states.before))
        for memory, s in zip(states.after, after, strict=True):
            memory[t] = s
        for name, gate in gates.items():
            states.gates[name][t] = gate

    def at(self, states: LayerStates, t: int) -> LayerStates:
        """See `Engine.at`."""
        return states[t : t + 1]

    def backward(self, states: LayerStates, direct: Scaled, blocks: Blocks | None, through_inputs: bool) -> Backward:
        """See `Engine.backward`."""
        run, dtype = states.in_float64(), states.inputs.dtype
        missing = tuple(torch.zeros_like(s) for s in run.after[len(direct.parts) :])
        sent = Scaled((*(part.double() for part in direct.parts), *missing), direct.exponent)
        back = self.walk_back(run, sent, blocks)
        adjoint, total = back.adjoint, back.total
        return Backward(
            record=with_gradients(
                states,
                direct=tuple(Scaled((part,), sent.exponent).held(sent.exponent, dtype) for part in sent.parts),
                total=tuple(Scaled((part,), total.exponent).held(adjoint.exponent, dtype) for part in total.parts),
                log_norm=log_norm(total.parts[0]) + total.exponent.double() * LN_2,
                direct_log_norm=log_norm(sent.parts[0]) + sent.exponent.double() * LN_2,
                grad_start=tuple(
                    Scaled((part,), back.start.exponent).held(back.start.exponent, dtype) for part in back.start.parts
                ),
            ),
            parameter_grads=parameter_gradients(run, adjoint, self.threshold),
            grad_inputs=input_gradients(run, adjoint, self.threshold) if through_inputs else None,
        )

    def walk_back(self, run: LayerStates, sent: Scaled, blocks: Blocks | None) -> WayBack:
        """The recursion from the last step to the first; `run` is in float64, `sent` the direct gradient."""
        pad = run.padding
        none = Scaled.of(*(torch.zeros_like(s[0]) for s in run.after))
        carried = none
        adjoints: list[Scaled] = [none] * run.seq_len
        totals: list[Scaled] = [none] * run.seq_len
        order = processing_order(run.seq_len, run.reverse)
        for t in reversed(order):
            adjoints[t] = sent[t] + carried
            if pad is not None:
                adjoints[t], waiting = zero_where(pad[t], adjoints[t]), adjoints[t]
            totals[t], carried = self.step_back(run, t, adjoints[t])
            if pad is not None:
                carried = choose(pad[t], waiting, carried)
            if blocks is not None and t != order[0] and blocks.begins_at(t, run.reverse):
                carried = none
        return WayBack(stack_scaled(adjoints), stack_scaled(totals), carried)

    def step_back(self, run: LayerStates, t: int, adjoint: Scaled) -> tuple[Scaled, Scaled]:
        """dL/ds_t in total, and its part that goes on to s_{t-1}."""
        return step_vjp(run, t, adjoint, self.threshold)


def step_vjp(
    run: LayerStates, t: int, adjoint: Scaled, threshold: float | None, lifts: tuple[int, ...] | None = None
) -> tuple[Scaled, Scaled]:
    """dL/d(h_t, c_t) in total, and (∂s_t/∂s_{t-1})ᵀ dL/ds_t, by autograd through one step.

    `lifts` as in `lifted_grads`.
    """
    before = tuple(s[t].detach().requires_grad_() for s in run.before)
    cell = run.cell if threshold is None else limited(run.cell, threshold, adjoint.exponent)
    with torch.enable_grad():
        after, _ = cell.step(run.inputs[t], before)
    grads, lift = lifted_grads(after, (*after, *before), adjoint.parts, threshold, lifts)
    n, exponent = len(after), adjoint.exponent - lift
    return Scaled(grads[:n], exponent), Scaled(grads[n:], exponent)


LIFT = 512
"""Exponent of the power of two by which a float64 gradient is multiplied first."""


def lifted_grads(
    outputs: State, variables: State, grads: State, threshold: float | None, lifts: tuple[int, ...] | None = None
) -> tuple[State, int]:
    """The variables' gradients times 2^lift, and the lift.

    Gates that are shut and units that are saturated may follow each other in one step: e^−300 · e^−600 is below
    1e-308, while its product with 2^512 is not. A step with a limit takes no lift, as the limit has none. The first of
    the `lifts` that gives finite numbers counts, else the last: by default none, where the usual one overflows.
    """
    tried = lifts or ((0,) if threshold is not None else (LIFT, 0))
    for lift in tried:
        raised = tuple(grad * 2.0**lift for grad in grads)
        results = torch.autograd.grad(
            outputs, variables, raised, retain_graph=lift != tried[-1], allow_unused=True, materialize_grads=True
        )
        if lift == tried[-1] or all(bool(result.isfinite().all()) for result in results):
            break
    return results, lift


def input_gradients(run: LayerStates, adjoint: Scaled, threshold: float | None) -> Scaled:
    """dL/dx_t of every timestep at once, in float64: given the adjoints, no step depends on another."""
    inputs = run.inputs.detach().requires_grad_()
    cell = run.cell if threshold is None else limited(run.cell, threshold, adjoint.exponent.flatten())
    with torch.enable_grad():
        after = recompute(cell, inputs, run.before)
    grads, lift = lifted_grads(after, (inputs,), flat(adjoint), threshold)
    return Scaled(grads, adjoint.exponent - lift)


BAND = 512
"""Bits: rows whose sizes differ by more are summed apart, so that a huge one that meets a zero state hides no other."""


def parameter_gradients(run: LayerStates, adjoint: Scaled, threshold: float | None) -> dict[str, WeightGradient]:
    """dL/dθ = Σ_t (∂s_t/∂θ)ᵀ dL/ds_t for each of the cell's parameters, in float64."""
    size = adjoint.magnitude().flatten()
    band = ((size.max() - size) // BAND).masked_fill(size < -(2**61), 0)  # a row of zeros belongs to any
    bands = band.unique().tolist()
    if len(bands) == 1:
        return gradients_of_rows(run, adjoint, threshold, slice(None))
    grads, *smaller = (gradients_of_rows(run, adjoint, threshold, band == k) for k in bands)
    for part in smaller:
        grads = {name: grad + part[name] for name, grad in grads.items()}
    return grads


def gradients_of_rows(
    run: LayerStates, adjoint: Scaled, threshold: float | None, rows: slice | Tensor
) -> dict[str, WeightGradient]:
    """The sum over these of the rows [time · batch].

    It is taken relative to the largest adjoint where that is outside of a comfortable range.
    """
    given = Scaled(tuple(part[rows] for part in flat(adjoint)), adjoint.exponent.flatten()[rows])
    inputs, *before = (x.flatten(0, 1)[rows][None] for x in (run.inputs, *run.before))
    largest = int(given.magnitude().max())
    comfortable = 64  # 2^±64: sums of squares of such numbers exist in float32, too
    common = largest if abs(largest) > comfortable and largest > -(2**61) else 0
    weighted = given.at(torch.full_like(given.exponent, common))

    cell = run.cell.with_weights(lambda w: w.detach().requires_grad_())
    if threshold is not None:
        cell = limited(cell, threshold, weighted.exponent)
    with torch.enable_grad():
        after = recompute(cell, inputs, tuple(before))
    grads, lift = lifted_grads(after, tuple(cell.weights.values()), weighted.parts, threshold)
    return {name: WeightGradient(grad, common - lift) for name, grad in zip(cell.weights, grads, strict=True)}


def flat(x: Scaled) -> State:
    """The parts [time · batch, unit], as `recompute` has the states."""
    return tuple(part.flatten(0, 1) for part in x.parts)


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

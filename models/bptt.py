"""Backpropagation through time as the textbook writes it, for any cell.

    dL/ds_t = direct_t + (∂s_{t+1}/∂s_t)ᵀ dL/ds_{t+1}        (Werbos 1990; Pascanu et al. 2013, eqs. 3-5)
    dL/dθ   = Σ_t (∂s_t/∂θ)ᵀ dL/ds_t

s is the whole state, h or (h, c). The adjoint dL/ds_t carries a power of two with it, so that neither 1e-400 nor
1e+400 is lost on its way. A step is differentiated in float64 whatever the dtype: one saturated unit's slope of 1e-260
is an ordinary factor there, and 0 in float32. This file is the definition; anything faster is tested against it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from models.cell import Cell, Gates, State
from models.lognorm import log_norm
from models.scaled import LN_2, Scaled, times_power_of_two
from models.sequence_model import SequenceModel, processing_order, unroll
from models.trace import Trace, scaled_log_norm

Loss = Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class LayerForward:
    """One layer and direction, run over the sequence: [time, batch, unit] each."""

    cell: Cell
    inputs: Tensor
    states: State
    gates: Gates
    reverse: bool

    def state_before(self, t: int) -> State:
        """s_{t-1} in the order in which the direction reads; zeros before its first timestep."""
        before = t + 1 if self.reverse else t - 1
        if before in (-1, self.inputs.shape[0]):
            return self.cell.initial_state(self.inputs.shape[1])
        return tuple(s[before] for s in self.states)

    def in_float64(self) -> "LayerForward":
        """The same run, to be differentiated: the states are as recorded, the cell and the numbers float64."""
        states = tuple(s.double() for s in self.states)
        return replace(self, cell=self.cell.in_float64(), inputs=self.inputs.detach().double(), states=states)


@dataclass(frozen=True, eq=False)
class LayerBackward:
    """Gradients of one layer and direction."""

    adjoint: Scaled
    """dL/ds_t with the parts of s_t held independent, in float64: what the recursion passes on."""
    total: tuple[Scaled, ...]
    """dL/dh_t and dL/dc_t, where dL/dc_t includes the path through h_t."""
    direct: Scaled


def record_reference(model: SequenceModel, inputs: Tensor, loss: Loss, truncate: int | None) -> Trace:
    """See `models.record`, which has checked the arguments."""
    layers = forward(model, inputs)
    features = torch.cat([layer.states[0] for layer in layers[-model.recurrent.num_directions :]], dim=-1)
    outputs, loss_value, grad_features, readout_grads = differentiate_loss(model, features, loss)

    backward, grads, log_norms = backpropagate(model, layers, grad_features, truncate)
    for name, grad in readout_grads.items():
        grads[name] = grad
        log_norms[name] = log_norm(grad.flatten()).item()
    return assemble(inputs, outputs, loss_value, layers, backward, grads, log_norms, model, truncate)


def forward(model: SequenceModel, inputs: Tensor) -> list[LayerForward]:
    """Every layer and direction over the whole sequence, in torch's order 2*l + d."""
    recurrent = model.recurrent
    layers: list[LayerForward] = []
    features = inputs
    for layer in range(recurrent.num_layers):
        for direction in range(recurrent.num_directions):
            cell, reverse = recurrent.cell(layer, direction), direction == 1
            states, gates = unroll(cell, features, reverse)
            layers.append(LayerForward(cell, features, states, gates, reverse))
        features = torch.cat([run.states[0] for run in layers[-recurrent.num_directions :]], dim=-1)
    return layers


def differentiate_loss(
    model: SequenceModel, features: Tensor, loss: Loss
) -> tuple[Tensor, Tensor, Tensor, dict[str, Tensor]]:
    """Outputs, loss, dL/d(top layer's h_t) without time's recursion, and the readout's gradients."""
    parameters = model.readout.named_parameters(prefix="readout")
    readout = {name: p.detach().requires_grad_() for name, p in parameters}  # the model's own may be frozen
    with torch.enable_grad():
        features = features.detach().requires_grad_()
        outputs = torch.nn.functional.linear(features, *readout.values())
        value = loss(outputs)
        if not isinstance(value, Tensor) or value.ndim != 0 or not value.is_floating_point():
            given = f"a {value.dtype} of shape {tuple(value.shape)}" if isinstance(value, Tensor) else f"{value!r}"
            raise ValueError(f"loss returned {given}; it must map the outputs to a real scalar tensor.")
        variables = (features, *readout.values())
        if not value.requires_grad:  # a loss that does not depend on the outputs
            return (
                outputs.detach(),
                value,
                torch.zeros_like(features),
                {name: torch.zeros_like(p) for name, p in readout.items()},
            )
        grads = torch.autograd.grad(value, variables, allow_unused=True, materialize_grads=True)
    return outputs.detach(), value.detach(), grads[0], dict(zip(readout, grads[1:], strict=True))


def backpropagate(
    model: SequenceModel, layers: list[LayerForward], grad_features: Tensor, truncate: int | None
) -> tuple[list[LayerBackward], dict[str, Tensor], dict[str, float]]:
    """From the top layer down: each layer's input gradients are the direct gradients of the layer below."""
    recurrent = model.recurrent
    D, H = recurrent.num_directions, recurrent.hidden_size
    direct = [Scaled.of(part) for part in grad_features.split(H, dim=-1)]
    backward: list[LayerBackward | None] = [None] * len(layers)
    grads: dict[str, Tensor] = {}
    log_norms: dict[str, float] = {}
    for layer in reversed(range(recurrent.num_layers)):
        grad_inputs: list[Scaled] = []
        for d in range(D):
            run = layers[layer * D + d]
            gradient = backpropagate_layer(run, direct[d], truncate)
            backward[layer * D + d] = gradient
            suffix = recurrent.suffix(layer, d)
            for name, (grad, size) in parameter_gradients(run, gradient.adjoint).items():
                grads[f"recurrent.{name}{suffix}"], log_norms[f"recurrent.{name}{suffix}"] = grad, size
            if layer > 0:
                grad_inputs.append(input_gradients(run, gradient.adjoint))
        if layer > 0:
            total = grad_inputs[0] if D == 1 else grad_inputs[0] + grad_inputs[1]
            direct = [Scaled((part,), total.exponent) for part in total.parts[0].split(H, dim=-1)]
    return [b for b in backward if b is not None], grads, log_norms


def backpropagate_layer(run: LayerForward, direct: Scaled, truncate: int | None) -> LayerBackward:
    """The recursion over time: dL/ds_t = direct_t + (∂s_{t+1}/∂s_t)ᵀ dL/ds_{t+1}."""
    dtype, run = run.inputs.dtype, run.in_float64()
    seq_len = run.inputs.shape[0]
    zero = tuple(torch.zeros_like(s[0]) for s in run.states)
    carried = Scaled.of(*zero)
    adjoints: list[Scaled] = [carried] * seq_len
    totals: list[Scaled] = [carried] * seq_len
    direct = Scaled(tuple(part.double() for part in direct.parts), direct.exponent)

    for t in reversed(processing_order(seq_len, run.reverse)):
        direct_t = Scaled((*direct[t].parts, *zero[1:]), direct[t].exponent)
        adjoints[t] = direct_t + carried
        totals[t], carried = step_vjp(run, t, adjoints[t])
        if truncate is not None and is_boundary(t, truncate, run.reverse):
            carried = Scaled.of(*zero)
    adjoint, total = stack(adjoints), stack(totals)
    return LayerBackward(
        adjoint, tuple(Scaled((part,), total.exponent).held(adjoint.exponent, dtype) for part in total.parts), direct
    )


def is_boundary(t: int, truncate: int, reverse: bool) -> bool:
    """Whether the gradient stops between position t (from 0) and the one that the direction read before it."""
    return (t + 1) % truncate == 0 if reverse else t % truncate == 0


def step_vjp(run: LayerForward, t: int, adjoint: Scaled) -> tuple[Scaled, Scaled]:
    """dL/d(h_t, c_t) in total, and (∂s_t/∂s_{t-1})ᵀ dL/ds_t, by autograd through one step."""
    before = tuple(s.detach().requires_grad_() for s in run.state_before(t))
    with torch.enable_grad():
        after, _ = run.cell.step(run.inputs[t], before)
    grads, lift = lifted_grads(after, (*after, *before), adjoint.parts)
    n, exponent = len(after), adjoint.exponent - lift
    return Scaled(grads[:n], exponent), Scaled(grads[n:], exponent)


LIFT = 512
"""Exponent of the power of two that a float64 gradient begins with."""


def lifted_grads(outputs: State, variables: State, grads: State) -> tuple[State, int]:
    """The variables' gradients times 2^lift, and the lift.

    Gates that are shut and units that are saturated may follow each other in one step: e^−300 · e^−600 is below
    1e-308, while its product with 2^512 is not.
    """
    for lift in (LIFT, 0):  # none where that overflows, or where numbers are not finite anyway
        raised = tuple(grad * 2.0**lift for grad in grads)
        results = torch.autograd.grad(
            outputs, variables, raised, retain_graph=lift > 0, allow_unused=True, materialize_grads=True
        )
        if all(bool(result.isfinite().all()) for result in results):
            break
    return results, lift


def input_gradients(run: LayerForward, adjoint: Scaled) -> Scaled:
    """dL/dx_t of every timestep at once, in float64: given the adjoints, no step depends on another."""
    run = run.in_float64()
    inputs = run.inputs.requires_grad_()
    with torch.enable_grad():
        after = all_steps(run, inputs)
    grads, lift = lifted_grads(after, (inputs,), adjoint.parts)
    return Scaled(grads, adjoint.exponent - lift)


def parameter_gradients(run: LayerForward, adjoint: Scaled) -> dict[str, tuple[Tensor, float]]:
    """dL/dθ = Σ_t (∂s_t/∂θ)ᵀ dL/ds_t for each of the cell's parameters, and its log norm (nats).

    The sum is taken relative to the largest adjoint where that is outside of the dtype's comfortable range.
    """
    largest = int(adjoint.magnitude().max())
    comfortable = 64  # 2^±64: sums of squares of such numbers exist in float32, too
    common = largest if abs(largest) > comfortable and largest > -(2**61) else 0
    weighted = adjoint.at(torch.full_like(adjoint.exponent, common))

    dtype, run = run.inputs.dtype, run.in_float64()
    names = run.cell.parameter_shapes(1, 1)
    parameters = {name: getattr(run.cell, name).requires_grad_() for name in names}
    with torch.enable_grad():
        after = all_steps(run, run.inputs)
    grads, lift = lifted_grads(after, tuple(parameters.values()), weighted.parts)
    power = torch.tensor(common - lift)
    return {
        name: (times_power_of_two(grad, power).to(dtype), log_norm(grad.flatten()).item() + power.item() * LN_2)
        for name, grad in zip(parameters, grads, strict=True)
    }


def all_steps(run: LayerForward, inputs: Tensor) -> State:
    """s_t of every timestep from the recorded s_{t-1}, all at once: time is folded into the batch."""
    seq_len, batch_size, _ = inputs.shape
    start = [s.unsqueeze(0) for s in run.cell.initial_state(batch_size)]
    pairs = zip(start, run.states, strict=True)
    before = [torch.cat([s[1:], s0]) if run.reverse else torch.cat([s0, s[:-1]]) for s0, s in pairs]
    after, _ = run.cell.step(inputs.flatten(0, 1), tuple(s.flatten(0, 1) for s in before))
    return tuple(s.unflatten(0, (seq_len, batch_size)) for s in after)


def stack(steps: list[Scaled]) -> Scaled:
    """Per-timestep values as one value with a leading time axis."""
    parts = zip(*(step.parts for step in steps), strict=True)
    return Scaled(tuple(torch.stack(p) for p in parts), torch.stack([step.exponent for step in steps]))


def assemble(
    inputs: Float[Tensor, "time batch input"],
    outputs: Float[Tensor, "time batch output"],
    loss: Tensor,
    layers: list[LayerForward],
    backward: list[LayerBackward],
    grads: dict[str, Tensor],
    log_norms: dict[str, float],
    model: SequenceModel,
    truncate: int | None,
) -> Trace:
    """The layers' results, stacked into a Trace."""
    grads_of, scales = zip(
        *(over_layers([b.total[k] for b in backward]) for k in range(len(layers[0].states))), strict=True
    )
    has_cell_state = len(layers[0].states) == 2
    direct = [b.direct for b in backward]
    return Trace(
        inputs=inputs,
        outputs=outputs,
        loss=loss,
        hidden=torch.stack([run.states[0] for run in layers]),
        cell_state=torch.stack([run.states[1] for run in layers]) if has_cell_state else None,
        gates={name: torch.stack([run.gates[name] for run in layers]) for name in layers[0].cell.gate_names},
        grad_hidden=grads_of[0],
        grad_cell=grads_of[1] if has_cell_state else None,
        log_scale=scales[0],
        cell_log_scale=scales[1] if has_cell_state else None,
        direct_grad_hidden=torch.stack(
            [times_power_of_two(d.parts[0], d.exponent.unsqueeze(-1)).to(inputs.dtype) for d in direct]
        ),
        direct_log_norm=torch.stack([scaled_log_norm(d) for d in direct]),
        log_norm=log_norm(grads_of[0]) + scales[0],
        parameter_grads={name: grads[name] for name, _ in model.named_parameters()},
        parameter_log_norm={name: log_norms[name] for name, _ in model.named_parameters()},
        num_directions=model.recurrent.num_directions,
        truncate=truncate,
        path="reference",
    )


def over_layers(gradients: list[Scaled]) -> tuple[Tensor, Tensor]:
    """The layers' directions [layer, time, batch, unit], and their log scales (nats)."""
    parts = torch.stack([g.parts[0] for g in gradients])
    return parts, torch.stack([g.exponent for g in gradients]).double() * LN_2

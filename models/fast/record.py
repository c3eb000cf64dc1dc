"""`record` by the compiled passes: memory for the Trace, filled layer by layer, forwards and then backwards."""

import math

import torch
from torch import Tensor

from models.bptt import Loss, differentiate_loss
from models.fast.compiled import Compiled, compiled
from models.fast.layer import Backward, Forward, add, backward_layer, forward_layer
from models.fast.pack import layout_of, pack, unpack
from models.lognorm import log_norm
from models.scaled import LN_2, Scaled, times_power_of_two
from models.sequence_model import Recurrent, SequenceModel
from models.trace import Trace


def record_fast(model: SequenceModel, inputs: Tensor, loss: Loss, truncate: int | None) -> Trace:
    """See `models.record`: the same Trace, from one compiled pass each way a layer."""
    recurrent, passes = model.recurrent, compiled(inputs.dtype)
    D, H, (T, B, _) = recurrent.num_directions, recurrent.hidden_size, inputs.shape
    count = recurrent.num_layers * D
    layout = layout_of(recurrent.cell(0, 0))

    # The Trace's own arrays, written in place; empty ones for what the cell does not have.
    states = [inputs.new_empty(count, T + 2, B, H) if k < layout.num_states else empty(inputs, count) for k in range(2)]
    for state in states:
        state[:, :1] = state[:, -1:] = 0
    gates = [inputs.new_empty(count, T, B, H) if k < layout.num_gates else empty(inputs, count) for k in range(4)]
    layers = forward(passes, recurrent, inputs, states, gates)
    features = beside(states[0][-D:, 1:-1])
    outputs, loss_value, grad_features, readout_grads = differentiate_loss(model, features, loss)

    grad_hidden = inputs.new_empty(count, T, B, H)
    grad_cell = inputs.new_empty(count, T, B, H) if layout.num_states == 2 else empty(inputs, count)
    direct = grad_features.contiguous().unsqueeze(0) if count == 1 else inputs.new_empty(count, T, B, H)
    if count > 1:
        for part, grad in zip(direct[-D:], grad_features.split(H, dim=-1), strict=True):
            part.copy_(grad)
    exponent, cell_exponent, direct_exponent = torch.zeros(3, count, T, B, dtype=torch.int64)
    norms, direct_norms = torch.empty(2, count, T, B, dtype=torch.float64)
    results = (grad_hidden, grad_cell, exponent, cell_exponent, norms, direct_norms)
    out = [Backward(*arrays) for arrays in zip(*results, strict=True)]
    grads = backward(passes, recurrent, layers, Scaled((direct,), direct_exponent), out, truncate)
    for name, grad in readout_grads.items():
        grads[name] = grad, natural_log_norm(grad)

    rescaled = bool(direct_exponent.any())
    return Trace(
        inputs=inputs,
        outputs=outputs,
        loss=loss_value,
        hidden=states[0][:, 1:-1],
        cell_state=states[1][:, 1:-1] if layout.num_states == 2 else None,
        gates=dict(zip(recurrent.cell_type.gate_names, gates, strict=False)),
        grad_hidden=grad_hidden,
        grad_cell=grad_cell if layout.num_states == 2 else None,
        log_scale=exponent.double() * LN_2,
        cell_log_scale=cell_exponent.double() * LN_2 if layout.num_states == 2 else None,
        direct_grad_hidden=times_power_of_two(direct, direct_exponent.unsqueeze(-1)) if rescaled else direct,
        direct_log_norm=direct_norms,
        log_norm=norms,
        parameter_grads={name: grads[name][0] for name, _ in model.named_parameters()},
        parameter_log_norm={name: grads[name][1] for name, _ in model.named_parameters()},
        num_directions=D,
        truncate=truncate,
        path="fast",
    )


def empty(inputs: Tensor, count: int) -> Tensor:
    """What stands for an array that a cell does not have."""
    return inputs.new_empty(count, 0, 0, 0)


def beside(parts: Tensor) -> Tensor:
    """[direction, time, batch, unit] → [time, batch, direction * unit]; no copy for one direction."""
    return parts[0] if len(parts) == 1 else torch.cat(list(parts), dim=-1)


def forward(
    passes: Compiled, recurrent: Recurrent, inputs: Tensor, states: list[Tensor], gates: list[Tensor]
) -> list[Forward]:
    """Every layer and direction over the whole sequence, in torch's order 2*l + d."""
    D = recurrent.num_directions
    x = inputs.detach().contiguous()
    layers: list[Forward] = []
    for layer in range(recurrent.num_layers):
        for k in range(layer * D, (layer + 1) * D):
            cell = recurrent.cell(layer, k % D)
            layout = layout_of(cell)
            g0, g1, g2, g3 = (gate[k] for gate in gates)
            run = Forward(layout, pack(cell, layout), k % D == 1, x, states[0][k], states[1][k], (g0, g1, g2, g3))
            forward_layer(passes, run)
            layers.append(run)
        x = beside(states[0][layer * D : (layer + 1) * D, 1:-1])
    return layers


def backward(
    passes: Compiled,
    recurrent: Recurrent,
    layers: list[Forward],
    direct: Scaled,
    out: list[Backward],
    truncate: int | None,
) -> dict[str, tuple[Tensor, float]]:
    """From the top layer down, filling `out` and the lower layers' direct gradients; parameter → gradient, log norm."""
    D, H = recurrent.num_directions, recurrent.hidden_size
    grads: dict[str, tuple[Tensor, float]] = {}
    for layer in reversed(range(recurrent.num_layers)):
        grad_inputs: list[Scaled] = []
        for k in range(layer * D, (layer + 1) * D):
            dW, grad_x = backward_layer(passes, layers[k], direct[k], out[k], truncate, through_inputs=layer > 0)
            power = dW.exponent[0, 0]
            for name, grad in unpack(dW.parts[0].numpy(), layers[k].layout).items():
                true_grad = times_power_of_two(grad, power) if power != 0 else grad
                log_size = natural_log_norm(grad) + power.item() * LN_2  # exists also where the gradient overflows
                grads[f"recurrent.{name}{recurrent.suffix(layer, k % D)}"] = true_grad, log_size
            if grad_x is not None:
                grad_inputs.append(grad_x)
        if layer > 0:
            total = grad_inputs[0] if D == 1 else add(grad_inputs[0], grad_inputs[1])
            for d, grad in enumerate(total.parts[0].split(H, dim=-1)):
                direct.parts[0][(layer - 1) * D + d].copy_(grad)
                direct.exponent[(layer - 1) * D + d].copy_(total.exponent)
    return grads


def natural_log_norm(grad: Tensor) -> float:
    """ln‖grad‖₂ (nats), by one sum of squares where float64 holds it."""
    norm = torch.linalg.vector_norm(grad, dtype=torch.float64).item()
    return math.log(norm) if 1e-145 < norm < 1e145 else log_norm(grad.flatten()).item()

"""The one function that records a SequenceModel: what it takes, and which engine serves."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from models.bptt.compiled.choose import choose_path
from models.bptt.engine import Engine
from models.bptt.lognorm import log_norm_of_all
from models.bptt.recursion import ReferenceEngine
from models.bptt.scaled import Scaled
from models.bptt.stack_pass import backward_stack, forward_stack, side_by_side
from models.bptt.truncation import TRUNCATE_KINDS, TruncateKind
from models.cells.cell import State
from models.networks.sequence_model import SequenceModel
from models.recording.trace import Trace

Loss = Callable[[Tensor], Tensor]
Losses = Callable[[Float[Tensor, "time batch output"]], Float[Tensor, "time batch"]]


@torch.inference_mode(False)  # in it nothing can be differentiated
@torch.no_grad()
def record(
    model: SequenceModel,
    inputs: Tensor,
    loss: Loss,
    truncate: int | None = None,
    path: str | None = None,
    start: Sequence[Tensor] | None = None,
    lengths: Sequence[int] | Tensor | None = None,
    truncate_kind: str = "blocks",
) -> Trace:
    """Run the model and its BPTT once, and keep every step.

    Args:
        model: its parameters' `.grad` are neither read nor written; whether they require one does not matter.
        inputs: [time, batch, input], of the model's dtype.
        loss: outputs [time, batch, output] → scalar, differentiable by torch.
        truncate: truncated BPTT: the state runs on, the gradient goes back a limited number of steps k; None for full
            BPTT.
        path: `reference` for the definition in `models.bptt.recursion`; `fast` for the compiled one, which is waited
            for; None for the fast one where it takes the model (on a CPU, float32 or float64) and is compiled, else the
            reference, while it is compiled beside for later calls. The two agree up to rounding: name one where runs
            must be equal bit by bit. `trace.path` says which it was.
        start: h_0, or h_0 and c_0, each [layer, batch, unit] as torch's; zeros if left out.
        lengths: timesteps of each sequence where they differ; what lies beyond is padding.
        truncate_kind: `blocks` stops the gradient between the input positions k and k+1, 2k and 2k+1, … (in both
            directions); `window` lets each loss go back to the k latest states, for up to k times the work (of networks
            that read in one direction).

    Raises:
        ValueError: inputs, a start or lengths that do not fit the model, a loss that is not a scalar, a truncate that
            is not a whole number of at least 1, a window over a bidirectional network, or a path that is unknown or
            cannot take the model.

    Example:
        >>> import torch
        >>> from models import SequenceModel, record
        >>> model = SequenceModel("elman", input_size=1, hidden_size=4, output_size=1, nonlinearity="identity")
        >>> model.recurrent.weight_hh_l0.data = 0.9 * torch.eye(4)
        >>> trace = record(model, torch.zeros(50, 2, 1), lambda outputs: outputs[-1].sum())
        >>> first, last = trace.log_norm[0, 0, 0], trace.log_norm[0, -1, 0]
        >>> print(f"{(first - last) / 49:.4f} nats per step back")  # ln 0.9
        -0.1054 nats per step back
    """
    check_arguments(model, inputs, truncate)
    kind = checked_kind(model, truncate, truncate_kind)
    if inputs.is_inference():
        inputs = inputs.clone()
    recurrent = model.recurrent
    cells = [recurrent.cell(l, d) for l in range(recurrent.num_layers) for d in range(recurrent.num_directions)]
    engine = make_engine(choose_path(cells, inputs, path))
    D, H = recurrent.num_directions, recurrent.hidden_size
    layers = forward_stack(
        engine, cells, D, inputs, start_states(model, inputs, start), checked_lengths(inputs, lengths)
    )

    features = side_by_side([layer.hidden for layer in layers[-D:]])
    outputs, value, grad_features, readout_grads = differentiate_loss(model, features, loss)
    below = [None] * (len(layers) - D)
    direct = [*below, *(Scaled.of(part.contiguous()) for part in grad_features.split(H, dim=-1))]
    result = backward_stack(engine, layers, D, direct, truncate, kind)

    grads = {name: (grad, log_norm_of_all(grad)) for name, grad in readout_grads.items()}
    for k, of_cell in enumerate(result.parameter_grads):
        suffix = recurrent.suffix(k // D, k % D)
        grads |= {f"recurrent.{name}{suffix}": grad for name, grad in of_cell.items()}
    names = [name for name, _ in model.named_parameters()]
    return Trace(
        stacks={"recurrent": result.stack},
        outputs=outputs,
        loss=value,
        parameter_grads={name: grads[name][0] for name in names},
        parameter_log_norm={name: grads[name][1] for name in names},
        path=engine.name,
    )


def direct_gradients(
    model: SequenceModel,
    trace: Trace,
    losses: Losses,
    weights: Tensor | None = None,
    direction: int = 0,
) -> Float[Tensor, "time batch unit"]:
    """What each timestep's loss sends to the top layer's h_t directly, at input positions.

    Args:
        model: whose readout made the trace's outputs.
        trace: a recorded pass.
        losses: outputs [time, batch, output] → the loss at each timestep [time, batch].
        weights: of each loss in the scalar loss Σ weights · losses; None for the mean, 1/(time · batch) each.
        direction: 1 for the reverse direction.

    Raises:
        ValueError: losses or weights of another shape.
    """
    top = trace.layers[-trace.num_directions :]
    shape = (trace.seq_len, top[0].batch_size)

    def scalar(outputs: Tensor) -> Tensor:
        values = losses(outputs)
        if tuple(values.shape) != shape:
            raise ValueError(f"losses returned shape {tuple(values.shape)}; it must be [time, batch], {shape}.")
        return values.mean() if weights is None else (values * weights.to(values.dtype)).sum()

    if weights is not None and tuple(weights.shape) != shape:
        raise ValueError(f"weights have shape {tuple(weights.shape)}; they must be [time, batch], {shape}.")
    _, _, gradient, _ = differentiate_loss(model, side_by_side([layer.hidden for layer in top]), scalar)
    H = model.recurrent.hidden_size
    return gradient[..., H * direction : H * (1 + direction)]


def make_engine(path: str) -> Engine:
    """The engine of that name."""
    if path == "reference":
        return ReferenceEngine()
    from models.bptt.compiled.engine import CompiledEngine  # here, since it imports the compiler

    return CompiledEngine()


def differentiate_loss(
    model: SequenceModel, features: Float[Tensor, "time batch feature"], loss: Loss
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
            nothing = [torch.zeros_like(variable) for variable in variables]
            return outputs.detach(), value, nothing[0], dict(zip(readout, nothing[1:], strict=True))
        grads = torch.autograd.grad(value, variables, allow_unused=True, materialize_grads=True)
    return outputs.detach(), value.detach(), grads[0], dict(zip(readout, grads[1:], strict=True))


def check_arguments(model: SequenceModel, inputs: Tensor, truncate: int | None) -> None:
    """Raise a ValueError of one sentence for what `record` cannot take."""
    expected = model.recurrent.input_size
    if inputs.ndim != 3 or inputs.shape[-1] != expected or 0 in inputs.shape:
        raise ValueError(
            f"inputs have shape {tuple(inputs.shape)}; they must be [time, batch, {expected}], none of them 0."
        )
    dtype = model.readout.weight.dtype
    if inputs.dtype != dtype:
        raise ValueError(f"inputs are {inputs.dtype}; the model is {dtype}, and they must be the same.")
    if truncate is not None and (not isinstance(truncate, int) or truncate < 1):
        raise ValueError(f"truncate was {truncate}; it must be a whole number of at least 1, or None.")


def checked_kind(model: SequenceModel, truncate: int | None, name: str) -> TruncateKind:
    """The kind of truncation of this name.

    Raises:
        ValueError: no such kind, or a window over a network that reads in both directions.
    """
    kind = next((kind for kind in TRUNCATE_KINDS if kind == name), None)
    if kind is None:
        raise ValueError(f"truncate_kind was {name!r}; it must be {' or '.join(TRUNCATE_KINDS)}.")
    if truncate is not None and kind == "window" and model.recurrent.num_directions == 2:
        raise ValueError(
            "truncate_kind was window, which slides in one reading direction; a bidirectional network takes blocks."
        )
    return kind


def start_states(model: SequenceModel, inputs: Tensor, start: Sequence[Tensor] | None) -> list[State] | None:
    """s_0 of each layer and direction.

    Raises:
        ValueError: another number of tensors, or another shape or dtype.
    """
    if start is None:
        return None
    recurrent = model.recurrent
    count, names = recurrent.num_layers * recurrent.num_directions, recurrent.cell_type.state_names
    shape = (count, inputs.shape[1], recurrent.hidden_size)
    given = [tuple(s.shape) for s in start]
    if given != [shape] * len(names) or any(s.dtype != inputs.dtype for s in start):
        raise ValueError(
            f"start has the shapes {given}; it must be {len(names)} × {shape}, [layer, batch, unit], in {inputs.dtype}."
        )
    return [tuple(s[k].contiguous() for s in start) for k in range(count)]


def checked_lengths(inputs: Tensor, lengths: Sequence[int] | Tensor | None) -> Tensor | None:
    """The lengths [batch]; None where every sequence fills all timesteps.

    Raises:
        ValueError: another number of lengths, or one that is not between 1 and the timesteps.
    """
    if lengths is None:
        return None
    T, B, _ = inputs.shape
    counts = torch.as_tensor(lengths, device=inputs.device)
    if tuple(counts.shape) != (B,) or counts.is_floating_point() or int(counts.min()) < 1 or int(counts.max()) > T:
        raise ValueError(f"lengths were {counts.tolist()}; they must be {B} whole numbers from 1 to {T}.")
    return None if bool((counts == T).all()) else counts.long()

"""`record`, the function that records a network: it checks its arguments and chooses an engine."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from models.bptt.compiled.choose import choose_path
from models.bptt.engine import Engine
from models.bptt.graphs.engine import GraphEngine
from models.bptt.recursion import ReferenceEngine
from models.bptt.stack_pass import side_by_side
from models.bptt.truncation import TRUNCATE_KINDS, TruncateKind
from models.cells.cell import State
from models.networks.network import Given, Loss, Network, differentiate
from models.networks.sequence_model import SequenceModel
from models.recording.trace import Trace

Losses = Callable[[Float[Tensor, "time batch output"]], Float[Tensor, "time batch"]]


@torch.inference_mode(False)  # in it nothing can be differentiated
@torch.no_grad()
def record(
    model: Network,
    inputs: Tensor,
    loss: Loss,
    truncate: int | None = None,
    path: str | None = None,
    start: Sequence[Tensor] | None = None,
    lengths: Sequence[int] | Sequence[Sequence[int]] | Tensor | None = None,
    truncate_kind: str = "blocks",
    source: int | None = None,
    step_threshold: float | None = None,
) -> Trace:
    """The Trace of one forward and backward pass.

    Args:
        model: the network. `record` does not read or write its parameters' `.grad`, and ignores `requires_grad`.
        inputs: [time, batch, input], of the model's dtype.
        loss: outputs [time, batch, output] → scalar, differentiable by torch.
        truncate: truncated BPTT: the state runs on, the gradient goes back a limited number of steps k; None for full
            BPTT.
        path: `reference` for the definition in `models.bptt.recursion`; `fast` for the compiled one, which is waited
            for; None for the fast one where it takes the model (on a CPU, float32 or float64) and is compiled, else the
            reference, while it is compiled beside for later calls. The two agree up to rounding: name one where runs
            must be equal bit by bit. `trace.path` says which it was. Where a unit is so saturated that its slope rounds
            to 0, as 1 − tanh² does from 20 on in float64, the reference's gradient is 0, and the fast one's is not;
            likewise where dL/dh_t is more than 2^1022 times smaller than dL/dc_t. A GPU has the reference alone; from
            the fifth pass of one shape on it replays it, to the same bits.
        start: h_0, or h_0 and c_0, each [layer, batch, unit] as torch's, of the first stack; zeros if left out.
        lengths: timesteps of each sequence where they differ; what lies beyond is padding. An encoder-decoder takes two
            lists, of the sources and of the targets.
        truncate_kind: `blocks` stops the gradient between the input positions k and k+1, 2k and 2k+1, … (in both
            directions); `window` lets each loss go back to the k latest states, for up to k times the work (of networks
            that read in one direction).
        source: how many timesteps of the inputs are the source, where the network reads a source and then a target.
        step_threshold: clip inside BPTT (`models.bptt.step_limit`): all gradients are then those of the clipped pass,
            which the reference computes; None for the true ones.

    Raises:
        ValueError: inputs, a start or lengths that do not fit the model, a loss that is not a scalar, a truncate that
            is not a whole number of at least 1, a window over a bidirectional network, a step_threshold that is not
            above 0 or goes with the fast path, or a path that is unknown or cannot take the model.

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
    if not isinstance(model, Network):
        raise ValueError(
            f"model was {type(model).__name__}; record takes a network of models, such as SequenceModel, and "
            "models.watch takes any torch module."
        )
    parameters = dict(model.named_parameters())
    check_arguments(model.input_size, next(iter(parameters.values())).dtype, inputs, truncate)
    kind = checked_kind(model, truncate, truncate_kind)
    inputs = inputs.clone()  # the trace keeps them, and a training fills the same tensor with its next batch
    parts = model.parts(len(inputs), source)
    given = Given(
        inputs,
        loss,
        source,
        start_states(model, inputs, start),
        checked_lengths(inputs, parts, lengths),
        truncate,
        kind,
    )
    kinds = [recurrent.cell_type for recurrent in model.stacks.values()]
    path = choose_path(kinds, parameters.values(), inputs, path_of(path, step_threshold))
    engine = make_engine(path, inputs, step_threshold)
    passed = model.run(engine, given)

    grads = dict(passed.grads)
    for name, recurrent in model.stacks.items():
        D = recurrent.num_directions
        for k, of_cell in enumerate(passed.stacks[name].parameter_grads):
            suffix = recurrent.suffix(k // D, k % D)
            grads |= {f"{name}.{weight}{suffix}": grad for weight, grad in of_cell.items()}
    stacks = {name: result.stack for name, result in passed.stacks.items()}
    return Trace(
        # An attention's weights are of all timesteps.
        stacks=stacks if passed.attention is not None else {k: s.until_longest() for k, s in stacks.items()},
        outputs=passed.outputs,
        loss=passed.loss,
        parameter_grads={name: grads[name][0] for name in parameters},
        parameter_log_norm={name: grads[name][1] for name in parameters},
        path=engine.name,
        attention=passed.attention,
        grad_picture=passed.grad_picture,
    )


def direct_gradients(
    model: SequenceModel,
    trace: Trace,
    losses: Losses,
    weights: Tensor | None = None,
    direction: int = 0,
) -> Float[Tensor, "time batch unit"]:
    """The direct gradient of the top layer's h_t from each timestep's loss, at input positions.

    Args:
        model: whose readout made the trace's outputs.
        trace: a recorded pass.
        losses: outputs [time, batch, output] → the loss at each timestep [time, batch].
        weights: of each loss in the scalar loss Σ weights · losses; None for the mean, 1/(time · batch) each.
        direction: 1 for the reverse direction.

    Raises:
        ValueError: losses or weights of another shape, or a head that reads other timesteps for it.

    Example:
        >>> import torch
        >>> from models import SequenceModel, direct_gradients, record
        >>> model = SequenceModel("gru", input_size=1, hidden_size=4, output_size=1)
        >>> trace = record(model, torch.ones(5, 2, 1), lambda outputs: outputs.mean())
        >>> direct = direct_gradients(model, trace, lambda outputs: outputs.squeeze(-1))
        >>> bool(torch.allclose(direct, model.readout.weight / 10))  # ∂y_t/∂h_t, and 1/(5 · 2) for the mean
        True
    """
    if not model.readout.at_each_step:
        raise ValueError(
            "head reads all timesteps for its one answer, so no timestep has its own loss; use head=linear or dense."
        )
    top = trace.layers[-trace.num_directions :]
    shape = (trace.seq_len, top[0].batch_size)

    def scalar(outputs: Tensor) -> Tensor:
        values = losses(outputs)
        if tuple(values.shape) != shape:
            raise ValueError(f"losses returned shape {tuple(values.shape)}; it must be [time, batch], {shape}.")
        return values.mean() if weights is None else (values * weights.to(values.dtype)).sum()

    if weights is not None and tuple(weights.shape) != shape:
        raise ValueError(f"weights have shape {tuple(weights.shape)}; they must be [time, batch], {shape}.")
    glue = differentiate(
        lambda own, states: model.readout.read_with(own, states[0]),
        dict(model.readout.named_parameters()),
        [side_by_side([layer.hidden for layer in top])],
        scalar,
    )
    (gradient,) = glue.of_states
    H = model.recurrent.hidden_size
    return gradient[..., H * direction : H * (1 + direction)]


def path_of(path: str | None, step_threshold: float | None) -> str | None:
    """The path asked for; the reference where the gradient is clipped inside BPTT.

    Raises:
        ValueError: a threshold that is not above 0, or another path with one.
    """
    if step_threshold is None:
        return path
    if not step_threshold > 0:
        raise ValueError(f"step_threshold was {step_threshold}; it must be above 0, or None for no clipping.")
    if path == "fast":
        raise ValueError("path was fast, which does not clip inside BPTT; leave out path or step_threshold.")
    return "reference"


def make_engine(path: str, inputs: Tensor, step_threshold: float | None = None) -> Engine:
    """The engine of that name for inputs on this device; only the reference clips inside BPTT."""
    if path == "reference":
        return GraphEngine() if inputs.is_cuda and step_threshold is None else ReferenceEngine(step_threshold)
    from models.bptt.compiled.engine import CompiledEngine  # here, since it imports the compiler

    return CompiledEngine()


def check_arguments(input_size: int, dtype: torch.dtype, inputs: Tensor, truncate: int | None) -> None:
    """Raise a ValueError of one sentence for arguments that a model of this size and dtype cannot take."""
    if not isinstance(inputs, Tensor):
        raise ValueError(f"inputs were of the type {type(inputs).__name__}; they must be a torch tensor.")
    if inputs.ndim != 3 or inputs.shape[-1] != input_size or 0 in inputs.shape:
        raise ValueError(
            f"inputs have shape {tuple(inputs.shape)}; they must be [time, batch, {input_size}], none of them 0."
        )
    if inputs.dtype != dtype:
        raise ValueError(f"inputs are {inputs.dtype}; the model is {dtype}, and they must be the same.")
    if truncate is not None and (not isinstance(truncate, int) or truncate < 1):
        raise ValueError(f"truncate was {truncate}; it must be a whole number of at least 1, or None.")


def checked_kind(model: Network, truncate: int | None, name: str) -> TruncateKind:
    """The kind of truncation of this name.

    Raises:
        ValueError: no such kind, or a window over a network that reads in both directions.
    """
    kind = next((kind for kind in TRUNCATE_KINDS if kind == name), None)
    if kind is None:
        raise ValueError(f"truncate_kind was {name!r}; it must be {' or '.join(TRUNCATE_KINDS)}.")
    if truncate is not None and kind == "window" and any(r.bidirectional for r in model.stacks.values()):
        raise ValueError("truncate_kind was 'window'; a bidirectional network can use blocks only.")
    return kind


def start_states(model: Network, inputs: Tensor, start: Sequence[Tensor] | None) -> list[State] | None:
    """s_0 of each layer and direction of the first stack.

    Raises:
        ValueError: another number of tensors, or another shape or dtype.
    """
    if start is None:
        return None
    recurrent = next(iter(model.stacks.values()))
    count, names = recurrent.num_layers * recurrent.num_directions, recurrent.cell_type.state_names
    shape = (count, inputs.shape[1], recurrent.hidden_size)
    given = [tuple(s.shape) for s in start]
    if given != [shape] * len(names) or any(s.dtype != inputs.dtype for s in start):
        raise ValueError(
            f"start has the shapes {given}; it must be {len(names)} × {shape}, [layer, batch, unit], in {inputs.dtype}."
        )
    return [tuple(s[k].contiguous() for s in start) for k in range(count)]


def checked_lengths(
    inputs: Tensor, parts: tuple[int, ...], lengths: Sequence[int] | Sequence[Sequence[int]] | Tensor | None
) -> Tensor | None:
    """The lengths [batch], or [part, batch] of several parts; None where every sequence fills all timesteps.

    Raises:
        ValueError: another number of lengths, or one that is not between 1 and the part's timesteps.
    """
    if lengths is None:
        return None
    B = inputs.shape[1]
    counts = torch.as_tensor(lengths, device=inputs.device).clone()  # the trace keeps them
    most = torch.tensor(parts, device=inputs.device)[:, None]
    each = counts[None] if len(parts) == 1 else counts
    whole = not counts.is_floating_point() and tuple(each.shape) == (len(parts), B)
    if not whole or int(each.min()) < 1 or bool((each > most).any()):
        ranges = " and ".join(f"{B} whole numbers from 1 to {part}" for part in parts)
        raise ValueError(f"lengths were {counts.tolist()}; they must be {ranges}.")
    return None if bool((each == most).all()) else counts.long()

"""Slow, obvious twins: written apart from the product, with torch.nn's own cells and plain autograd."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from models import SequenceModel, Trace
from models.bptt.scaled import Scaled
from models.recording.trace import Stack

CONFIGURATIONS = [
    ("elman", {"nonlinearity": "tanh"}),
    ("elman", {"nonlinearity": "relu"}),
    ("elman", {"nonlinearity": "identity"}),
    ("lstm", {}),
    ("gru", {"reset_after": True}),
    ("gru", {"reset_after": False}),
]
"""The first three cells with every option."""

MORE_CONFIGURATIONS = [
    ("elman", {"nonlinearity": "sigmoid"}),
    ("peephole_lstm", {}),
    ("lstm_1997", {}),
    ("mut1", {}),
    ("mut2", {}),
    ("mut3", {}),
    ("indrnn", {"nonlinearity": "tanh"}),
    ("indrnn", {"nonlinearity": "relu"}),
    ("indrnn", {"nonlinearity": "sigmoid"}),
    ("indrnn", {"nonlinearity": "identity"}),
    ("mingru", {}),
]
"""The other cells, of which tests that take long look at fewer things."""


def named(configurations: list[tuple[str, dict[str, object]]]) -> list[str]:
    return [name + "-" + "-".join(str(v) for v in options.values()) for name, options in configurations]


CONFIGURATION_NAMES = named(CONFIGURATIONS)


def make_model(
    cell: str,
    options: dict[str, object],
    *,
    seed: int = 0,
    dtype: torch.dtype = torch.float64,
    input_size: int = 3,
    hidden_size: int = 5,
    output_size: int = 2,
    num_layers: int = 1,
    bidirectional: bool = False,
) -> SequenceModel:
    generator = torch.Generator().manual_seed(seed)
    return SequenceModel(
        cell,
        input_size,
        hidden_size,
        output_size,
        num_layers,
        bidirectional,
        generator=generator,
        dtype=dtype,
        **options,
    )


def torch_twin(model: SequenceModel) -> nn.RNNBase | None:
    """torch.nn's module with the same weights; None where torch has none (identity, reset_after=False)."""
    r = model.recurrent
    arguments = (r.input_size, r.hidden_size, r.num_layers)
    keywords = {"bidirectional": r.bidirectional, "dtype": model.readout.weight.dtype}
    nonlinearity = r.options.get("nonlinearity", "tanh")
    if r.cell_name == "lstm":
        twin: nn.RNNBase = nn.LSTM(*arguments, **keywords)
    elif r.cell_name == "gru" and r.options.get("reset_after", True):
        twin = nn.GRU(*arguments, **keywords)
    elif r.cell_name == "elman" and nonlinearity != "identity":
        twin = nn.RNN(*arguments, nonlinearity=nonlinearity, **keywords)
    else:
        return None
    twin.load_state_dict(model.recurrent.state_dict())
    return twin


def oracle_step(cell: str, options: dict[str, object], w: tuple[Tensor, ...], x: Tensor, state: tuple[Tensor, ...]):
    """One step from the functional forms in torch where they exist, else from the equation written out."""
    if cell in EQUATIONS:
        return EQUATIONS[cell](options, w, x, state)
    W_ih, W_hh, b_ih, b_hh = w
    if cell == "lstm":
        return torch.lstm_cell(x, state, W_ih, W_hh, b_ih, b_hh)
    if cell == "gru" and options.get("reset_after", True):
        return (torch.gru_cell(x, state[0], W_ih, W_hh, b_ih, b_hh),)
    if cell == "gru":
        h = state[0]
        W_r, W_z, W_n = W_ih.chunk(3)
        U_r, U_z, U_n = W_hh.chunk(3)
        b_r, b_z, b_n = b_ih.chunk(3)
        d_r, d_z, d_n = b_hh.chunk(3)
        r = torch.sigmoid(functional.linear(x, W_r, b_r) + functional.linear(h, U_r, d_r))
        z = torch.sigmoid(functional.linear(x, W_z, b_z) + functional.linear(h, U_z, d_z))
        n = torch.tanh(functional.linear(x, W_n, b_n) + functional.linear(r * h, U_n, d_n))
        return (n + z * (h - n),)
    if options["nonlinearity"] == "identity":
        return (functional.linear(x, W_ih, b_ih) + functional.linear(state[0], W_hh, b_hh),)
    if options["nonlinearity"] == "sigmoid":
        return (torch.sigmoid(functional.linear(x, W_ih, b_ih) + functional.linear(state[0], W_hh, b_hh)),)
    step = torch.rnn_tanh_cell if options["nonlinearity"] == "tanh" else torch.rnn_relu_cell
    return (step(x, state[0], W_ih, W_hh, b_ih, b_hh),)


def peephole_lstm(options, w, x, state):
    W, U, b, d, (p_i, p_f, p_o) = w
    h, c = state
    a_i, a_f, a_g, a_o = (functional.linear(x, W, b) + functional.linear(h, U, d)).chunk(4, -1)
    i, f = torch.sigmoid(a_i + c * p_i), torch.sigmoid(a_f + c * p_f)
    c = i * torch.tanh(a_g) + f * c
    return torch.sigmoid(a_o + c * p_o) * torch.tanh(c), c


def lstm_1997(options, w, x, state):
    W, U, b, d = w
    h, c = state
    a_i, a_g, a_o = (functional.linear(x, W, b) + functional.linear(h, U, d)).chunk(3, -1)
    c = c + torch.sigmoid(a_i) * torch.tanh(a_g)
    return torch.sigmoid(a_o) * torch.tanh(c), c


def projected(x, W, H, rows):
    """x, or the rows that follow the others' in W times x."""
    return x if x.shape[-1] == H else functional.linear(x, W[rows * H :])


def mut1(options, w, x, state):
    W, U, b, d = w
    (h,), H = state, U.shape[1]
    b_r, b_z, b_n = (b + d).chunk(3)
    r = torch.sigmoid(functional.linear(x, W[:H]) + functional.linear(h, U[:H]) + b_r)
    z = torch.sigmoid(functional.linear(x, W[H : 2 * H]) + b_z)
    n = torch.tanh(functional.linear(r * h, U[H:]) + torch.tanh(projected(x, W, H, 2)) + b_n)
    return (n * z + h * (1 - z),)


def mut2(options, w, x, state):
    W, U, b, d = w
    (h,), H = state, U.shape[1]
    b_r, b_z, b_n = (b + d).chunk(3)
    r = torch.sigmoid(projected(x, W, H, 2) + functional.linear(h, U[:H]) + b_r)
    z = torch.sigmoid(functional.linear(x, W[:H]) + functional.linear(h, U[H : 2 * H]) + b_z)
    n = torch.tanh(functional.linear(r * h, U[2 * H :]) + functional.linear(x, W[H : 2 * H]) + b_n)
    return (n * z + h * (1 - z),)


def mut3(options, w, x, state):
    W, U, b, d = w
    (h,), H = state, U.shape[1]
    b_r, b_z, b_n = (b + d).chunk(3)
    r = torch.sigmoid(functional.linear(x, W[:H]) + functional.linear(h, U[:H]) + b_r)
    z = torch.sigmoid(functional.linear(x, W[H : 2 * H]) + functional.linear(torch.tanh(h), U[H : 2 * H]) + b_z)
    n = torch.tanh(functional.linear(r * h, U[2 * H :]) + functional.linear(x, W[2 * H :]) + b_n)
    return (n * z + h * (1 - z),)


def indrnn(options, w, x, state):
    W, u, b, d = w
    apply = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid, "identity": lambda a: a}
    return (apply[options["nonlinearity"]](functional.linear(x, W, b + d) + state[0] * u),)


def mingru(options, w, x, state):
    W, _, b, d = w
    a_z, n = functional.linear(x, W, b + d).chunk(2, -1)
    z = torch.sigmoid(a_z)
    return (state[0] * (1 - z) + n * z,)


EQUATIONS = {f.__name__: f for f in (peephole_lstm, lstm_1997, mut1, mut2, mut3, indrnn, mingru)}
"""Cells that torch does not have, written out."""


@dataclass
class LoopResult:
    outputs: Tensor
    loss: Tensor
    states: list[list[tuple[Tensor, ...]]]
    """[layer*direction][t] → the state's tensors, each with its `.grad`."""
    model_grads: dict[str, Tensor] = field(default_factory=dict)


def autograd_loop(
    model: SequenceModel, inputs: Tensor, loss: Callable[[Tensor], Tensor], truncate: int | None = None
) -> LoopResult:
    """The explicit loop that people write: retain_grad on every state, then one backward.

    Truncation detaches the state at every chunk's edge, so that each chunk's loss reaches its own steps only.
    """
    r = model.recurrent
    T, B, _ = inputs.shape
    features = [inputs[t] for t in range(T)]
    kept: list[list[tuple[Tensor, ...]]] = []
    for layer in range(r.num_layers):
        per_direction = []
        for d in range(r.num_directions):
            suffix = f"_l{layer}" + ("_reverse" if d else "")
            weights = tuple(getattr(r, name + suffix) for name in r.cell_type.parameter_shapes(1, 1))
            n_states = len(r.cell_type.state_names)
            state = tuple(inputs.new_zeros(B, r.hidden_size) for _ in range(n_states))
            states: dict[int, tuple[Tensor, ...]] = {}
            for t in reversed(range(T)) if d else range(T):
                edge = (t + 1) % truncate == 0 if d and truncate else bool(truncate) and t % truncate == 0
                if edge:
                    state = tuple(s.detach() for s in state)
                state = oracle_step(r.cell_name, r.options, weights, features[t], state)
                for s in state:
                    s.retain_grad()
                states[t] = state
            kept.append([states[t] for t in range(T)])
            per_direction.append([states[t][0] for t in range(T)])
        features = [torch.cat([hs[t] for hs in per_direction], dim=-1) for t in range(T)]
    outputs = torch.stack([model.readout(f) for f in features])
    model.zero_grad()
    value = loss(outputs)
    value.backward()
    grads = {name: p.grad.clone() for name, p in model.named_parameters()}
    return LoopResult(outputs.detach(), value.detach(), kept, grads)


def last_step_loss(outputs: Tensor) -> Tensor:
    return (outputs[-1] ** 2).mean() + outputs[-1].sum()


def every_step_loss(outputs: Tensor) -> Tensor:
    weights = torch.arange(1, len(outputs) + 1, dtype=outputs.dtype) / len(outputs)
    return ((outputs**2).mean(dim=(1, 2)) * weights).sum() + torch.sin(outputs).mean()


LOSSES = {"last": last_step_loss, "every": every_step_loss}


def relative_error(a: Tensor, b: Tensor) -> float:
    """‖a − b‖∞ / ‖b‖∞, and 0 where both are zero."""
    scale = b.abs().max().item()
    error = (a - b).abs().max().item()
    return error / scale if scale > 0 else error


def linear_model(W: Tensor, dtype: torch.dtype = torch.float64) -> SequenceModel:
    """A linear Elman network h_t = W h_{t-1} + x_t without biases, read out by the sum of its units."""
    H = W.shape[0]
    model = SequenceModel("elman", 1, H, 1, nonlinearity="identity", dtype=dtype)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.recurrent.weight_hh_l0.copy_(W)
        model.readout.weight.fill_(1 / math.sqrt(H))
    return model


def random_orthogonal(size: int, seed: int = 0) -> Tensor:
    Q, _ = torch.linalg.qr(torch.randn(size, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64))
    return Q


def with_arrays(trace: Trace, **arrays: Tensor | dict[str, Tensor]) -> Trace:
    """The trace with other arrays [layer, time, batch, …]: `hidden`, `gates`, `grad_hidden` or `log_norm`."""
    layers = []
    for k, layer in enumerate(trace.layers):
        changes: dict[str, object] = {}
        if "hidden" in arrays:
            hidden = arrays["hidden"][k]
            start = layer.before[0][-1:] if layer.reverse else layer.before[0][:1]
            before = torch.cat([hidden[1:], start]) if layer.reverse else torch.cat([start, hidden[:-1]])
            changes |= {"after": (hidden, *layer.after[1:]), "before": (before, *layer.before[1:])}
        if "gates" in arrays:
            changes["gates"] = {name: gate[k] for name, gate in arrays["gates"].items()}
        if "grad_hidden" in arrays:
            changes["total"] = (Scaled((arrays["grad_hidden"][k],), layer.total[0].exponent), *layer.total[1:])
        if "log_norm" in arrays:
            changes["log_norm"] = arrays["log_norm"][k]
        layers.append(replace(layer, **changes))
    return replace(trace, stacks={"recurrent": Stack(tuple(layers), trace.num_directions)})

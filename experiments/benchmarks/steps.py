"""The compared steps: one forward and backward pass, without recording and by each way of recording."""

import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from models import SequenceModel, record, watch

CELLS = ("elman", "gru", "lstm")
SIZES = ((100, 32, 32), (200, 32, 64), (500, 32, 128), (1000, 20, 128))
"""Timesteps, batch size, hidden size."""
INPUTS = 2
WAYS = ("torch.nn", "loop", "reference", "fast")
"""Unrecorded; the explicit loop with `retain_grad`; the two paths of `record`. `watched` is a fifth way: see below."""


PASSES = ("kept", "vanishing", "exploding")
"""What becomes of the gradient: a loss at every step keeps it; otherwise the last step alone has one."""
EXPLODING = {"elman": 4.0, "gru": 8.0, "lstm": 8.0}
"""Times the usual recurrent weights, the gradient explodes."""


def problem(
    cell: str, size: tuple[int, int, int], kind: str = "vanishing"
) -> tuple[SequenceModel, Tensor, Callable[[Tensor], Tensor]]:
    """A network, inputs and a loss; `kind` is one of `PASSES`."""
    T, B, H = size
    generator = torch.Generator().manual_seed(0)
    model = SequenceModel(cell, INPUTS, H, 1, generator=generator)
    if kind == "exploding":
        with torch.no_grad():
            model.recurrent.get_parameter("weight_hh_l0").mul_(EXPLODING[cell])
    inputs = torch.randn(T, B, INPUTS, generator=generator)
    return model, inputs, every_step_loss if kind == "kept" else loss


def step_of(way: str, cell: str, size: tuple[int, int, int], kind: str = "vanishing") -> Callable[[], object]:
    """A forward and backward pass of one model on one batch, by one way; `kind` is one of `PASSES`."""
    model, inputs, loss = problem(cell, size, kind)
    if way in ("fast", "reference"):
        return lambda: record(model, inputs, loss, path=way)
    if way == "loop":
        return lambda: explicit_loop(model, inputs)
    twin = twin_of(model)
    if way == "watched":
        watch(twin)  # its hooks hold what is seen
    parameters = [*twin.parameters(), *model.readout.parameters()]
    return lambda: torch.autograd.grad(loss(model.readout(twin(inputs)[0])), parameters)


def products(cell: str, size: tuple[int, int, int]) -> Callable[[], object]:
    """Torch's matrix products alone: forward, backward and the weights' gradient."""
    T, B, H = size
    blocks = {"elman": 1, "gru": 3, "lstm": 4}[cell]
    W, h, da = torch.randn(blocks * H, H), torch.randn(B, H), torch.randn(B, blocks * H)
    hs, das = torch.randn(T * B, H), torch.randn(T * B, blocks * H)
    a, dh = torch.empty_like(da), torch.empty_like(h)

    def multiply() -> None:
        for _ in range(T):
            torch.mm(h, W.T, out=a)
            torch.mm(da, W, out=dh)
        torch.mm(das.T, hs)

    return multiply


def twin_of(model: SequenceModel) -> nn.RNNBase:
    """The module of torch.nn with the same weights."""
    r = model.recurrent
    twin: nn.RNNBase = {"elman": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[r.cell_name](r.input_size, r.hidden_size)
    twin.load_state_dict(r.state_dict())
    return twin


def loss(outputs: Tensor) -> Tensor:
    """The last step's mean square, as in the adding problem."""
    return (outputs[-1] ** 2).mean()


def every_step_loss(outputs: Tensor) -> Tensor:
    """The mean square of all steps, whose gradient does not vanish."""
    return (outputs**2).mean()


def explicit_loop(model: SequenceModel, inputs: Tensor) -> list[Tensor]:
    """The usual way to see dL/dh_t: torch's own cell, step by step, with `retain_grad` on every state."""
    recurrent = model.recurrent
    weights = list(recurrent.parameters())
    state = tuple(inputs.new_zeros(inputs.shape[1], recurrent.hidden_size) for _ in recurrent.cell_type.state_names)
    kept: list[Tensor] = []
    for x_t in inputs:
        if recurrent.cell_name == "lstm":
            state = torch.lstm_cell(x_t, state, *weights)
        else:
            step = torch.gru_cell if recurrent.cell_name == "gru" else torch.rnn_tanh_cell
            state = (step(x_t, state[0], *weights),)
        for s in state:
            s.retain_grad()
        kept.append(state[0])
    parameters = list(model.parameters())
    loss(model.readout(torch.stack(kept))).backward()
    log_norms = torch.stack([h.grad for h in kept if h.grad is not None]).norm(dim=-1).log()
    gradients = [p.grad for p in parameters if p.grad is not None]
    for p in parameters:
        p.grad = None
    return [log_norms, *gradients]


def timed(step: Callable[[], object]) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    step()
    return time.perf_counter() - start

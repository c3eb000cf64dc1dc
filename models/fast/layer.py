"""One layer and direction of a recording: its memory, and the two compiled passes over it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from models.fast.adjoint import NEVER
from models.fast.compiled import Compiled
from models.fast.pack import Layout, Matrices
from models.fast.parallel import over_batch
from models.scaled import Scaled


@dataclass(frozen=True, eq=False)
class Forward:
    """States [time + 2, batch, unit], with a timestep of zeros at each end, and gates [time, batch, unit]."""

    layout: Layout
    W: Matrices
    reverse: bool
    x: Tensor
    hidden: Tensor
    cell_state: Tensor
    gates: tuple[Tensor, Tensor, Tensor, Tensor]

    @cached_property
    def WT(self) -> Matrices:  # noqa: N802
        """The same matrices, [gate, hidden + 1 + input, hidden]."""
        return np.ascontiguousarray(self.W.transpose(0, 2, 1))

    @property
    def work(self) -> int:
        """Multiplications of a pass."""
        return self.x.shape[0] * self.x.shape[1] * self.W.size


@dataclass(frozen=True, eq=False)
class Backward:
    """Total gradients [time, batch, unit], and a number a sample [time, batch]."""

    grad_hidden: Tensor
    grad_cell: Tensor
    exponent: Tensor
    """Of dL/dh_t."""
    cell_exponent: Tensor
    """Of dL/dc_t: the same, except where no dtype could hold both."""
    log_norm: Tensor
    direct_log_norm: Tensor


def forward_layer(passes: Compiled, layer: Forward) -> None:
    """Fill the states and gates."""
    x, hidden, cell_state = layer.x.numpy(), layer.hidden.numpy(), layer.cell_state.numpy()
    gates = tuple(gate.numpy() for gate in layer.gates)
    code, nonlinearity = layer.layout.code, layer.layout.nonlinearity

    def part(first: int, last: int) -> None:
        passes.forward(code, nonlinearity, layer.reverse, first, last, x, layer.WT, hidden, cell_state, gates)

    over_batch(part, layer.x.shape[1], layer.work)


def backward_layer(
    passes: Compiled, layer: Forward, direct: Scaled, out: Backward, truncate: int | None, through_inputs: bool
) -> tuple[Scaled, Scaled | None]:
    """Fill the gradients; what comes back is the gradient of W, and that of x if it is wanted."""
    x = layer.x
    grad_x = torch.empty_like(x) if through_inputs else x.new_empty(0, 0, 0)
    x_exponent = torch.empty_like(out.exponent)
    states = x.numpy(), layer.W, layer.WT, layer.hidden.numpy(), layer.cell_state.numpy()
    gates = tuple(gate.numpy() for gate in layer.gates)
    results = (out.grad_hidden, out.grad_cell, out.exponent, out.cell_exponent, out.log_norm, out.direct_log_norm)
    gradients = [a.numpy() for a in (*direct.parts, direct.exponent, *results, grad_x, x_exponent)]
    code, nonlinearity = layer.layout.code, layer.layout.nonlinearity

    def part(first: int, last: int) -> Scaled:
        dW = np.zeros_like(layer.W)
        arguments = (code, nonlinearity, layer.reverse, first, last, truncate or 0, *states, gates, *gradients)
        exponent = passes.backward(*arguments, dW)
        return Scaled((torch.from_numpy(dW),), torch.full(dW.shape[:2], 0 if exponent == NEVER else exponent))

    dW, *others = over_batch(part, x.shape[1], 2 * layer.work)
    for other in others:
        dW = add(dW, other)
    return dW, Scaled((grad_x,), x_exponent) if through_inputs else None


def add(a: Scaled, b: Scaled) -> Scaled:
    """The sum; as it is where the exponents are the same, which they nearly always are."""
    if torch.equal(a.exponent, b.exponent):
        return Scaled((a.parts[0] + b.parts[0],), a.exponent)
    return a + b

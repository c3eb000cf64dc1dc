"""The Elman RNN (Elman 1990), with torch.nn.RNN's parametrisation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from models.cells.cell import Cell, Gates, State
from models.cells.nonlinearity import tanh

NONLINEARITIES: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": tanh,
    "relu": torch.relu,
    "identity": lambda a: a,
}


@dataclass(frozen=True, eq=False)
class ElmanCell(Cell):
    """h = φ(W_ih x + b_ih + W_hh h' + b_hh), φ = tanh, relu or identity."""

    blocks: ClassVar[tuple[str, ...]] = ("h",)
    gate_names: ClassVar[tuple[str, ...]] = ()
    option_names: ClassVar[tuple[str, ...]] = ("nonlinearity",)

    nonlinearity: str = "tanh"

    def __post_init__(self) -> None:
        if self.nonlinearity not in NONLINEARITIES:
            allowed = ", ".join(NONLINEARITIES)
            raise ValueError(f"nonlinearity was {self.nonlinearity!r}; it must be one of {allowed}.")

    def step(self, x_t: Float[Tensor, "batch input"], state: State) -> tuple[State, Gates]:
        """h_t from x_t and h_{t-1}; an Elman cell has no gates."""
        (h,) = state
        a = x_t @ self.weight_ih.T + self.bias_ih + h @ self.weight_hh.T + self.bias_hh
        return (NONLINEARITIES[self.nonlinearity](a),), {}

"""The Elman RNN (Elman 1990), with torch.nn.RNN's parametrisation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from models.cells.cell import Cell, Gates, State
from models.cells.derivatives import ClosedForm
from models.cells.elman.jacobian import CLOSED_FORM
from models.cells.elman.words import WORDS
from models.cells.nonlinearity import sigmoid, tanh
from models.cells.packing import Packing
from models.cells.words import CellWords

NONLINEARITIES: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": tanh,
    "relu": torch.relu,
    "identity": lambda a: a,
    "sigmoid": sigmoid,
}
STEEPEST = {"tanh": 1.0, "relu": 1.0, "identity": 1.0, "sigmoid": 0.25}
"""γ: the largest |φ'| of each."""


@dataclass(frozen=True, eq=False)
class ElmanCell(Cell):
    """h = φ(W_ih x + b_ih + W_hh h' + b_hh), φ = tanh, relu, identity or σ."""

    words: ClassVar[CellWords] = WORDS
    blocks: ClassVar[tuple[str, ...]] = ("h",)
    recurrent_blocks: ClassVar[tuple[str, ...]] = ("h",)
    gate_names: ClassVar[tuple[str, ...]] = ()
    option_names: ClassVar[tuple[str, ...]] = ("nonlinearity",)
    compiled_step: ClassVar[str | None] = "models.cells.elman.compiled"
    closed_form: ClassVar[ClosedForm | None] = CLOSED_FORM

    nonlinearity: str = "tanh"

    def __post_init__(self) -> None:
        if self.nonlinearity not in NONLINEARITIES:
            allowed = ", ".join(NONLINEARITIES)
            raise ValueError(f"nonlinearity was {self.nonlinearity!r}; it must be one of {allowed}.")

    @property
    def tanh_values(self) -> str | None:
        """`hidden` if φ is tanh, else None."""
        return "hidden" if self.nonlinearity == "tanh" else None

    @property
    def is_bounded(self) -> bool:
        """Whether φ is bounded."""
        return self.nonlinearity in ("tanh", "sigmoid")

    def largest(self, before: State) -> tuple[Tensor | None, ...]:
        """|h_t| ≤ 1 if φ is bounded."""
        return (torch.ones_like(before[0]) if self.is_bounded else None,)

    @property
    def steepest_slope(self) -> float | None:
        """γ = max |φ'|."""
        return STEEPEST[self.nonlinearity]

    def packing(self) -> Packing:
        """One product, and φ' beside h."""
        slopes = int(self.is_bounded)
        return Packing((0,), (0,), num_gates=slopes, option=list(NONLINEARITIES).index(self.nonlinearity))

    def step(self, x_t: Float[Tensor, "batch input"], state: State) -> tuple[State, Gates]:
        """h_t from x_t and h_{t-1}; an Elman cell has no gates."""
        (h,) = state
        a = self.pass_on(x_t @ self.weight_ih.T + self.bias_ih + h @ self.weight_hh.T + self.bias_hh)
        return (NONLINEARITIES[self.nonlinearity](a),), {}

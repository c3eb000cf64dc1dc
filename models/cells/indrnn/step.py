"""The independently recurrent network (Li et al. 2018)."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from models.cells.cell import Cell, Gates, State
from models.cells.derivatives import ClosedForm
from models.cells.elman.step import NONLINEARITIES
from models.cells.indrnn.jacobian import CLOSED_FORM
from models.cells.indrnn.words import WORDS
from models.cells.packing import Packing
from models.cells.words import CellWords


@dataclass(frozen=True, eq=False)
class IndRNNCell(Cell):
    """h = φ(W_ih x + b_ih + u⊙h' + b_hh): `weight_hh` is the vector u, one number per unit.

    φ is tanh unless another `nonlinearity` is asked for; the paper's is relu.
    """

    words: ClassVar[CellWords] = WORDS
    blocks: ClassVar[tuple[str, ...]] = ("h",)
    recurrent_blocks: ClassVar[tuple[str, ...]] = ()
    gate_names: ClassVar[tuple[str, ...]] = ()
    option_names: ClassVar[tuple[str, ...]] = ("nonlinearity",)
    compiled_step: ClassVar[str | None] = "models.cells.elman.compiled"
    closed_form: ClassVar[ClosedForm | None] = CLOSED_FORM

    nonlinearity: str = "tanh"

    def __post_init__(self) -> None:
        if self.nonlinearity not in NONLINEARITIES:
            allowed = ", ".join(NONLINEARITIES)
            raise ValueError(f"nonlinearity was {self.nonlinearity!r}; it must be one of {allowed}.")

    @classmethod
    def parameter_shapes(cls, input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
        """torch's four parameters, with a vector instead of the recurrent matrix."""
        return {**super().parameter_shapes(input_size, hidden_size), "weight_hh": (hidden_size,)}

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

    def packing(self) -> Packing:
        """One product, of x alone, the vector u, and φ' beside h."""
        option = 4 + list(NONLINEARITIES).index(self.nonlinearity)
        return Packing((0,), (), num_gates=int(self.is_bounded), option=option, bias_hh=(0,), vectors=("weight_hh",))

    def step(self, x_t: Float[Tensor, "batch input"], state: State) -> tuple[State, Gates]:
        """h_t from x_t and h_{t-1}; there are no gates."""
        (h,) = state
        a = self.pass_on(x_t @ self.weight_ih.T + self.bias_ih + self.weight_hh * h + self.bias_hh)
        return (NONLINEARITIES[self.nonlinearity](a),), {}

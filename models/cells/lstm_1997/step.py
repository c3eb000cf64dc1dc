"""The LSTM without a forget gate (Hochreiter & Schmidhuber 1997)."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from models.cells.cell import Cell, Gates, State
from models.cells.derivatives import ClosedForm, GatedPath
from models.cells.lstm_1997.jacobian import CLOSED_FORM
from models.cells.lstm_1997.paths import GATED_PATH
from models.cells.lstm_1997.words import WORDS
from models.cells.nonlinearity import sigmoid, tanh
from models.cells.packing import Packing
from models.cells.words import CellWords


@dataclass(frozen=True, eq=False)
class LSTM1997Cell(Cell):
    """i, o = σ(·), g = tanh(·); c = c' + i⊙g; h = o⊙tanh(c): nothing is ever forgotten.

    Variant: g and h are squashed by tanh, and the full gradient is computed. The paper squashes g to −2 … 2, and cuts
    the gradient where it leaves the cell.
    """

    words: ClassVar[CellWords] = WORDS
    blocks: ClassVar[tuple[str, ...]] = ("i", "g", "o")
    recurrent_blocks: ClassVar[tuple[str, ...]] = ("i", "g", "o")
    gate_names: ClassVar[tuple[str, ...]] = ("i", "g", "o")
    state_names: ClassVar[tuple[str, ...]] = ("hidden", "cell_state")
    compiled_step: ClassVar[str | None] = "models.cells.lstm.compiled"
    closed_form: ClassVar[ClosedForm | None] = CLOSED_FORM
    gated_path: ClassVar[GatedPath | None] = GATED_PATH

    def packing(self) -> Packing:
        """One product per gate, in the LSTM's places: that of f stays empty."""
        return Packing((0, 2, 3), (0, 2, 3), num_gates=4, num_states=2, option=2)

    def largest(self, before: State) -> tuple[Tensor | None, ...]:
        """|h_t| ≤ 1, since h = o⊙tanh(c), and |c_t| ≤ |c_{t-1}| + 1, since i⊙g adds at most 1."""
        h, c = before
        return torch.ones_like(h), c.abs() + 1

    def step(self, x_t: Float[Tensor, "batch input"], state: State) -> tuple[State, Gates]:
        """(h_t, c_t) and the gates i, g, o from x_t and (h_{t-1}, c_{t-1})."""
        h, c = state
        a = self.pass_on(x_t @ self.weight_ih.T + self.bias_ih + h @ self.weight_hh.T + self.bias_hh)
        a_i, a_g, a_o = a.chunk(3, dim=-1)
        i, g, o = sigmoid(a_i), tanh(a_g), sigmoid(a_o)
        c = c + i * g
        h = o * tanh(c)
        return (h, c), {"i": i, "g": g, "o": o}

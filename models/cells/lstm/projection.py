"""The LSTM with a projected hidden state (Sak et al. 2014), as torch.nn.LSTM with `proj_size`."""

from dataclasses import dataclass, replace
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from models.cells.cell import Cell, Gates, KeepGate, State
from models.cells.lstm.step import LSTMCell
from models.cells.words import CellWords


@dataclass(frozen=True, eq=False)
class ProjectedLSTMCell(Cell):
    """The LSTM's step, then h = W_hr (o⊙tanh(c)).

    h has as many units as `weight_hh` has columns, c as many as `weight_hr` has.
    """

    words: ClassVar[CellWords] = replace(
        LSTMCell.words,
        no_spectrum="The recurrent matrix of an LSTM with a projection is not square, so it has no eigenvalues.",
    )
    blocks: ClassVar[tuple[str, ...]] = LSTMCell.blocks
    recurrent_blocks: ClassVar[tuple[str, ...]] = ()
    gate_names: ClassVar[tuple[str, ...]] = LSTMCell.gate_names
    state_names: ClassVar[tuple[str, ...]] = LSTMCell.state_names
    keep_gate: ClassVar[KeepGate | None] = LSTMCell.keep_gate

    weight_hr: Float[Tensor, "hidden cell"]

    def largest(self, before: State) -> tuple[Tensor | None, ...]:
        """|c_t| ≤ |c_{t-1}| + 1, as the LSTM's; the projection gives h any size."""
        return None, before[1].abs() + 1

    def step(self, x_t: Float[Tensor, "batch input"], state: State) -> tuple[State, Gates]:
        """(h_t, c_t) and the gates i, f, g, o from x_t and (h_{t-1}, c_{t-1})."""
        lstm = LSTMCell(self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)
        (h, c), gates = lstm.step(x_t, state)
        return (h @ self.weight_hr.T, c), gates

    @property
    def state_sizes(self) -> tuple[int, ...]:
        """Units of h and of c."""
        return self.weight_hr.shape

    @classmethod
    def parameter_shapes(cls, input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
        """The parameters of the LSTM without a projection, and a square W_hr."""
        return {**LSTMCell.parameter_shapes(input_size, hidden_size), "weight_hr": (hidden_size, hidden_size)}

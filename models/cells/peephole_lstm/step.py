"""The LSTM whose gates read the cell state (Gers & Schmidhuber 2000, "Recurrent nets that time and count")."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from models.cells.cell import Cell, Gates, KeepGate, State
from models.cells.derivatives import ClosedForm, GatedPath
from models.cells.nonlinearity import sigmoid, tanh
from models.cells.packing import Packing
from models.cells.peephole_lstm.jacobian import CLOSED_FORM
from models.cells.peephole_lstm.paths import GATED_PATH
from models.cells.peephole_lstm.words import WORDS
from models.cells.words import CellWords


@dataclass(frozen=True, eq=False)
class PeepholeLSTMCell(Cell):
    """An LSTM with p⊙c in three gates: i and f read c', o reads the new c.

    i = σ(… + p_i⊙c'), f = σ(… + p_f⊙c'), g = tanh(…); c = f⊙c' + i⊙g; o = σ(… + p_o⊙c); h = o⊙tanh(c).
    The rows of `weight_peephole` are p_i, p_f, p_o.
    """

    words: ClassVar[CellWords] = WORDS
    blocks: ClassVar[tuple[str, ...]] = ("i", "f", "g", "o")
    recurrent_blocks: ClassVar[tuple[str, ...]] = ("i", "f", "g", "o")
    gate_names: ClassVar[tuple[str, ...]] = ("i", "f", "g", "o")
    state_names: ClassVar[tuple[str, ...]] = ("hidden", "cell_state")
    keep_gate: ClassVar[KeepGate | None] = KeepGate("f", written_by="i")
    compiled_step: ClassVar[str | None] = "models.cells.lstm.compiled"
    closed_form: ClassVar[ClosedForm | None] = CLOSED_FORM
    gated_path: ClassVar[GatedPath | None] = GATED_PATH

    weight_peephole: Float[Tensor, "3 hidden"]

    @classmethod
    def parameter_shapes(cls, input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
        """torch's four parameters, and the peepholes."""
        return {**super().parameter_shapes(input_size, hidden_size), "weight_peephole": (3, hidden_size)}

    def packing(self) -> Packing:
        """One product per gate, and the peepholes."""
        vectors = ("weight_peephole",)
        return Packing((0, 1, 2, 3), (0, 1, 2, 3), num_gates=4, num_states=2, option=1, vectors=vectors)

    def largest(self, before: State) -> tuple[Tensor | None, ...]:
        """|h_t| ≤ 1, since h = o⊙tanh(c), and |c_t| ≤ |c_{t-1}| + 1, since i⊙g adds at most 1."""
        h, c = before
        return torch.ones_like(h), c.abs() + 1

    def step(self, x_t: Float[Tensor, "batch input"], state: State) -> tuple[State, Gates]:
        """(h_t, c_t) and the gates i, f, g, o from x_t and (h_{t-1}, c_{t-1})."""
        h, c = state
        p_i, p_f, p_o = self.weight_peephole
        a = x_t @ self.weight_ih.T + self.bias_ih + h @ self.weight_hh.T + self.bias_hh
        a_i, a_f, a_g, a_o = a.chunk(4, dim=-1)
        i, f = sigmoid(self.pass_on(a_i + p_i * c)), sigmoid(self.pass_on(a_f + p_f * c))
        g = tanh(self.pass_on(a_g))
        c = f * c + i * g
        o = sigmoid(self.pass_on(a_o + p_o * c))
        h = o * tanh(c)
        return (h, c), {"i": i, "f": f, "g": g, "o": o}

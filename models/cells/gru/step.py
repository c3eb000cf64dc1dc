"""The GRU (Cho et al. 2014), with torch.nn.GRU's parametrisation and, on request, Cho's own reset."""

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from models.cells.cell import Cell, Gates, KeepGate, State
from models.cells.derivatives import ClosedForm, GatedPath
from models.cells.gru.jacobian import CLOSED_FORM
from models.cells.gru.paths import GATED_PATH
from models.cells.gru.words import WORDS
from models.cells.nonlinearity import sigmoid, tanh
from models.cells.packing import Packing
from models.cells.words import CellWords


@dataclass(frozen=True, eq=False)
class GRUCell(Cell):
    """r, z = σ(·); n = tanh(·); h = (1−z)⊙n + z⊙h': a z near 1 *keeps* the state.

    `reset_after=True` is torch's: n = tanh(W_in x + b_in + r⊙(W_hn h' + b_hn)).
    `reset_after=False` is Cho et al. 2014 v3, eq. 8: n = tanh(W_in x + b_in + W_hn(r⊙h') + b_hn).
    A network trained with one of them does not work with the other.
    """

    words: ClassVar[CellWords] = WORDS
    blocks: ClassVar[tuple[str, ...]] = ("r", "z", "n")
    recurrent_blocks: ClassVar[tuple[str, ...]] = ("r", "z", "n")
    gate_names: ClassVar[tuple[str, ...]] = ("r", "z", "n")
    option_names: ClassVar[tuple[str, ...]] = ("reset_after",)
    keep_gate: ClassVar[KeepGate | None] = KeepGate("z")
    compiled_step: ClassVar[str | None] = "models.cells.gru.compiled"
    closed_form: ClassVar[ClosedForm | None] = CLOSED_FORM
    gated_path: ClassVar[GatedPath | None] = GATED_PATH

    reset_after: bool = True

    def packing(self) -> Packing:
        """One product per gate, and one more for W_hn h' + b_hn if r multiplies it alone."""
        if self.reset_after:
            return Packing((0, 1, 2), (0, 1, 3), num_gates=4, option=1)
        return Packing((0, 1, 2), (0, 1, 2), num_gates=3, option=0)

    def largest(self, before: State) -> tuple[Tensor | None, ...]:
        """|h_t| ≤ max(1, |h_{t-1}|), since h_t lies between n, which is within ±1, and h_{t-1}."""
        return (before[0].abs().clamp(min=1),)

    def step(self, x_t: Float[Tensor, "batch input"], state: State) -> tuple[State, Gates]:
        """h_t and the gates r, z, n from x_t and h_{t-1}."""
        (h,) = state
        H = self.hidden_size
        x_rz, x_n = (x_t @ self.weight_ih.T + self.bias_ih).split([2 * H, H], dim=-1)
        W_rz, W_n = self.weight_hh.split([2 * H, H])
        b_rz, b_n = self.bias_hh.split([2 * H, H])

        a_r, a_z = self.pass_on(x_rz + h @ W_rz.T + b_rz).chunk(2, dim=-1)
        r, z = sigmoid(a_r), sigmoid(a_z)
        recurrent_n = r * (h @ W_n.T + b_n) if self.reset_after else (r * h) @ W_n.T + b_n
        n = tanh(self.pass_on(x_n + recurrent_n))
        # 1 − z as σ(−a): it is far from 0 on its own scale where z rounds to 1.
        return (sigmoid(-a_z) * n + z * h,), {"r": r, "z": z, "n": n}

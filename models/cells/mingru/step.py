"""The minimal GRU (Feng et al. 2024, "Were RNNs all we needed?")."""

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from models.cells.cell import Cell, Gates, KeepGate, State
from models.cells.derivatives import ClosedForm, GatedPath
from models.cells.mingru.jacobian import CLOSED_FORM
from models.cells.mingru.paths import GATED_PATH
from models.cells.mingru.words import WORDS
from models.cells.nonlinearity import sigmoid
from models.cells.packing import Packing
from models.cells.words import CellWords


@dataclass(frozen=True, eq=False)
class MinGRUCell(Cell):
    """z = σ(W_z x + b_z); n = W_n x + b_n; h = (1−z)⊙h' + z⊙n: a z near 0 *keeps* the state.

    Neither the gate nor the candidate sees h', so `weight_hh` has no rows.
    """

    words: ClassVar[CellWords] = WORDS
    blocks: ClassVar[tuple[str, ...]] = ("z", "n")
    recurrent_blocks: ClassVar[tuple[str, ...]] = ()
    gate_names: ClassVar[tuple[str, ...]] = ("z",)
    keep_gate: ClassVar[KeepGate | None] = KeepGate("z", when_open=False)
    compiled_step: ClassVar[str | None] = "models.cells.mingru.compiled"
    closed_form: ClassVar[ClosedForm | None] = CLOSED_FORM
    gated_path: ClassVar[GatedPath | None] = GATED_PATH

    @classmethod
    def parameter_shapes(cls, input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
        """torch's four parameters; the recurrent matrix has no rows."""
        return {**super().parameter_shapes(input_size, hidden_size), "weight_hh": (0, hidden_size)}

    def packing(self) -> Packing:
        """Two products, of x alone; `weight_hh`, a vector of no rows, is handed on as it is."""
        return Packing((0, 1), (), num_gates=2, bias_hh=(0, 1), vectors=("weight_hh",))

    def step(self, x_t: Float[Tensor, "batch input"], state: State) -> tuple[State, Gates]:
        """h_t and the gate z from x_t and h_{t-1}."""
        (h,) = state
        a_z, n = self.pass_on(x_t @ self.weight_ih.T + self.bias_ih + self.bias_hh).chunk(2, dim=-1)
        z = sigmoid(a_z)
        # 1 − z as σ(−a): it is far from 0 on its own scale where z rounds to 1.
        return (sigmoid(-a_z) * h + z * n,), {"z": z}

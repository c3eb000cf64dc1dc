"""MUT1, MUT2, MUT3: the best cells of a search over ten thousand (Jozefowicz et al. 2015, section 4.2)."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from models.cells.cell import Cell, Gates, KeepGate, State
from models.cells.derivatives import ClosedForm, GatedPath
from models.cells.mut import words
from models.cells.mut.jacobian import CLOSED_FORM
from models.cells.mut.paths import GATED_PATH
from models.cells.nonlinearity import sigmoid, tanh
from models.cells.packing import Packing
from models.cells.words import CellWords

Units = Float[Tensor, "*sample hidden"]


@dataclass(frozen=True, eq=False)
class MUTCell(Cell):
    """h = z⊙n + (1−z)⊙h', r, z = σ(·), n = tanh(·): a z near 0 *keeps* the state.

    In some places the paper uses x itself, so that input_size must equal hidden_size. If it does not, a learned
    projection W_x x replaces x there: the last row block of `weight_ih`.
    """

    blocks: ClassVar[tuple[str, ...]] = ("r", "z", "n")
    gate_names: ClassVar[tuple[str, ...]] = ("r", "z", "n")
    keep_gate: ClassVar[KeepGate | None] = KeepGate("z", when_open=False)
    compiled_step: ClassVar[str | None] = "models.cells.mut.compiled"
    closed_form: ClassVar[ClosedForm | None] = CLOSED_FORM
    gated_path: ClassVar[GatedPath | None] = GATED_PATH
    number: ClassVar[int]
    """1, 2 or 3."""
    input_blocks: ClassVar[tuple[str, ...]]
    """Names of the row blocks of `weight_ih`; `x` is the projection, which exists only if it is needed."""
    squashes_x: ClassVar[bool] = False
    """Whether n reads tanh(x)."""
    squashes_h: ClassVar[bool] = False
    """Whether z reads tanh(h')."""

    @classmethod
    def parameter_shapes(cls, input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
        """torch's four parameters, with one block per product."""
        from_input = [block for block in cls.input_blocks if block != "x" or input_size != hidden_size]
        return {
            "weight_ih": (len(from_input) * hidden_size, input_size),
            "weight_hh": (len(cls.recurrent_blocks) * hidden_size, hidden_size),
            "bias_ih": (3 * hidden_size,),
            "bias_hh": (3 * hidden_size,),
        }

    def packing(self) -> Packing:
        """Products of r, z and n, and in MUT1 of the x in tanh(x); an x that is no block of `weight_ih` is bare."""
        places = {"r": 0, "z": 1, "n": 2, "x": 3 if self.squashes_x else 0}
        from_input = [places[block] for block in self.input_blocks[: len(self.weight_ih) // self.hidden_size]]
        return Packing(
            inputs=tuple(from_input),
            hidden=tuple(places[block] for block in self.recurrent_blocks),
            num_gates=4 if self.squashes_x else 3,
            option=self.number,
            bias_ih=(0, 1, 2),
            bias_hh=(0, 1, 2),
            bare_input=places["x"] if "x" in self.input_blocks and self.from_input("x") is None else None,
        )

    @abstractmethod
    def preactivations(self, x: Float[Tensor, "*sample input"], h: Units) -> tuple[Units, Units, Units]:
        """a_r, a_z and a_n."""

    def largest(self, before: State) -> tuple[Tensor | None, ...]:
        """|h_t| ≤ max(1, |h_{t-1}|), since h_t lies between n, which is within ±1, and h_{t-1}."""
        return (before[0].abs().clamp(min=1),)

    def step(self, x_t: Float[Tensor, "batch input"], state: State) -> tuple[State, Gates]:
        """h_t and the gates r, z, n from x_t and h_{t-1}."""
        (h,) = state
        a_r, a_z, a_n = self.preactivations(x_t, h)
        z, n = sigmoid(a_z), tanh(a_n)
        # 1 − z as σ(−a): it is far from 0 on its own scale where z rounds to 1.
        return (z * n + sigmoid(-a_z) * h,), {"r": sigmoid(a_r), "z": z, "n": n}

    def from_input(self, block: str) -> Float[Tensor, "hidden input"] | None:
        """The input matrix of a block; None if the block reads x itself, or does not read x."""
        parts = dict(zip(self.input_blocks, self.weight_ih.split(self.hidden_size), strict=False))
        return parts.get(block)

    def handed_on(self, x: Float[Tensor, "*sample input"]) -> Units:
        """x itself, or its projection."""
        W_x = self.from_input("x")
        return x if W_x is None else x @ W_x.T


@dataclass(frozen=True, eq=False)
class MUT1Cell(MUTCell):
    """r = σ(W_xr x + W_hr h' + b_r); z = σ(W_xz x + b_z); n = tanh(W_hn (r⊙h') + tanh(x) + b_n)."""

    words: ClassVar[CellWords] = words.MUT1
    number: ClassVar[int] = 1
    input_blocks: ClassVar[tuple[str, ...]] = ("r", "z", "x")
    squashes_x: ClassVar[bool] = True
    recurrent_blocks: ClassVar[tuple[str, ...]] = ("r", "n")

    def preactivations(self, x: Float[Tensor, "*sample input"], h: Units) -> tuple[Units, Units, Units]:
        """a_r, a_z and a_n."""
        H = self.hidden_size
        W_xr, W_xz = self.weight_ih[: 2 * H].chunk(2)
        W_hr, W_hn = self.weight_hh.chunk(2)
        b_r, b_z, b_n = (self.bias_ih + self.bias_hh).chunk(3)
        a_r = self.pass_on(x @ W_xr.T + h @ W_hr.T + b_r)
        a_n = (sigmoid(a_r) * h) @ W_hn.T + tanh(self.handed_on(x)) + b_n
        return a_r, self.pass_on(x @ W_xz.T + b_z), self.pass_on(a_n)


@dataclass(frozen=True, eq=False)
class MUT2Cell(MUTCell):
    """r = σ(x + W_hr h' + b_r); z = σ(W_xz x + W_hz h' + b_z); n = tanh(W_hn (r⊙h') + W_xn x + b_n)."""

    words: ClassVar[CellWords] = words.MUT2
    number: ClassVar[int] = 2
    input_blocks: ClassVar[tuple[str, ...]] = ("z", "n", "x")
    recurrent_blocks: ClassVar[tuple[str, ...]] = ("r", "z", "n")

    def preactivations(self, x: Float[Tensor, "*sample input"], h: Units) -> tuple[Units, Units, Units]:
        """a_r, a_z and a_n."""
        H = self.hidden_size
        W_xz, W_xn = self.weight_ih[: 2 * H].chunk(2)
        W_hr, W_hz, W_hn = self.weight_hh.chunk(3)
        b_r, b_z, b_n = (self.bias_ih + self.bias_hh).chunk(3)
        a_r = self.pass_on(self.handed_on(x) + h @ W_hr.T + b_r)
        a_n = (sigmoid(a_r) * h) @ W_hn.T + x @ W_xn.T + b_n
        return a_r, self.pass_on(x @ W_xz.T + h @ W_hz.T + b_z), self.pass_on(a_n)


@dataclass(frozen=True, eq=False)
class MUT3Cell(MUTCell):
    """r = σ(W_xr x + W_hr h' + b_r); z = σ(W_xz x + W_hz tanh(h') + b_z); n = tanh(W_hn (r⊙h') + W_xn x + b_n)."""

    words: ClassVar[CellWords] = words.MUT3
    number: ClassVar[int] = 3
    input_blocks: ClassVar[tuple[str, ...]] = ("r", "z", "n")
    squashes_h: ClassVar[bool] = True
    recurrent_blocks: ClassVar[tuple[str, ...]] = ("r", "z", "n")

    def preactivations(self, x: Float[Tensor, "*sample input"], h: Units) -> tuple[Units, Units, Units]:
        """a_r, a_z and a_n."""
        W_xr, W_xz, W_xn = self.weight_ih.chunk(3)
        W_hr, W_hz, W_hn = self.weight_hh.chunk(3)
        b_r, b_z, b_n = (self.bias_ih + self.bias_hh).chunk(3)
        a_r = self.pass_on(x @ W_xr.T + h @ W_hr.T + b_r)
        a_n = (sigmoid(a_r) * h) @ W_hn.T + x @ W_xn.T + b_n
        return a_r, self.pass_on(x @ W_xz.T + tanh(h) @ W_hz.T + b_z), self.pass_on(a_n)

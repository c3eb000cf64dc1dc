"""The interface of every recurrent cell: its step as plain tensor operations, and facts about that step."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from models.cells.packing import Packing
from models.cells.words import CellWords

if TYPE_CHECKING:
    from models.cells.derivatives import ClosedForm, GatedPath

State = tuple[Tensor, ...]
"""(h,) or (h, c): tensors of shape [batch, hidden], the hidden state first."""

Gates = dict[str, Tensor]
"""Gate name → its value, of shape [batch, hidden], in torch's order."""


def unchanged(a: Tensor) -> Tensor:
    """The identity."""
    return a


Values = TypeVar("Values", Tensor, ndarray)
Bias = TypeVar("Bias", float, Tensor)


@dataclass(frozen=True)
class KeepGate:
    """The gate that keeps the past."""

    gate: str
    when_open: bool = True
    """True if the share kept is the gate itself (f, torch's z), False if it is 1 − the gate (the MUTs' z)."""
    written_by: str | None = None
    """The gate that lets new values in, if it is a different gate: chrono biases close it."""

    def share(self, gate: Values) -> Values:
        """The share of the past that a given value of the gate keeps."""
        return gate if self.when_open else 1 - gate

    def bias(self, bias: Bias) -> Bias:
        """The bias of the gate that keeps a share σ(bias) of the past."""
        return bias if self.when_open else -bias


@dataclass(frozen=True, eq=False)
class Cell(ABC):
    """One layer's recurrence, with the weights that it uses.

    The weights have torch's names, shapes and order of blocks: `weight_hh` is [blocks * hidden, hidden].
    """

    weight_ih: Float[Tensor, "input_rows input"]
    weight_hh: Float[Tensor, "*recurrent_rows hidden"]
    bias_ih: Float[Tensor, " rows"]
    bias_hh: Float[Tensor, " rows"]

    pass_on: Callable[[Float[Tensor, "*sample rows"]], Float[Tensor, "*sample rows"]] = field(
        default=unchanged, kw_only=True
    )
    """What every preactivation passes through in `step`: the identity, or one whose gradient is limited."""

    words: ClassVar[CellWords]
    """Its name, its colour, and what its gates mean."""

    blocks: ClassVar[tuple[str, ...]]
    """Names of the row blocks of the biases, in order: one per gate; `("h",)` for a cell without gates."""

    recurrent_blocks: ClassVar[tuple[str, ...]]
    """Names of the square row blocks of `weight_hh`, in order; empty if the recurrence has no matrix."""

    gate_names: ClassVar[tuple[str, ...]]
    """Names of the gates that `step` returns, in torch's order."""

    state_names: ClassVar[tuple[str, ...]] = ("hidden",)
    """Names of the state's tensors: `("hidden",)` or `("hidden", "cell_state")`."""

    option_names: ClassVar[tuple[str, ...]] = ()
    """Keyword arguments that this cell takes besides its weights, such as `nonlinearity`."""

    keep_gate: ClassVar[KeepGate | None] = None
    """The gate that keeps the past; None for a cell without one."""

    compiled_step: ClassVar[str | None] = None
    """The module of its compiled step, see `models.bptt.compiled.step`; None: the slower reference is used."""

    closed_form: ClassVar["ClosedForm | None"] = None
    """Its Jacobians in closed form; None: autodiff is used, which is slower and equally exact."""

    gated_path: ClassVar["GatedPath | None"] = None
    """The routes of its gradient; None if no gate keeps a state."""

    def __init_subclass__(cls) -> None:
        """A class with its own step does not inherit facts about another step."""
        super().__init_subclass__()
        if "step" in vars(cls):
            for name in ("compiled_step", "closed_form", "gated_path"):
                if name not in vars(cls):
                    setattr(cls, name, None)

    @abstractmethod
    def step(self, x_t: Float[Tensor, "batch input"], state: State) -> tuple[State, Gates]:
        """The next state and the gates that made it; a pure function of its arguments and the weights."""

    def packing(self) -> Packing:
        """How the compiled passes store the cell's weights.

        Raises:
            ValueError: it has no compiled step.
        """
        raise ValueError(f"a {type(self).__name__} has no compiled step.")

    @property
    def hidden_size(self) -> int:
        """Number of hidden units."""
        return self.weight_hh.shape[-1]

    @property
    def tanh_values(self) -> str | None:
        """The recorded values that are the tanh of a preactivation: a gate's name, or `hidden`; None for none."""
        return next((name for name, gate in self.words.gates.items() if gate.part == "candidate"), None)

    @property
    def is_bounded(self) -> bool:
        """Whether |h| stays bounded whatever the weights are."""
        return self.tanh_values is not None

    def largest(self, before: State) -> tuple[Tensor | None, ...]:
        """The largest size that each number of s_t can have after s_{t-1}, whatever the weights are; None: any size."""
        return (None,) * len(before)

    @property
    def steepest_slope(self) -> float | None:
        """γ = max |φ'| if the step is h = φ(W_hh h' + …); None for any other step."""
        return None

    @property
    def state_sizes(self) -> tuple[int, ...]:
        """Number of units of each tensor of the state."""
        return (self.hidden_size,) * len(self.state_names)

    @classmethod
    def parameter_shapes(cls, input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
        """Parameter name → shape, in the order in which torch registers them."""
        rows = len(cls.blocks) * hidden_size
        return {
            "weight_ih": (rows, input_size),
            "weight_hh": (rows, hidden_size),
            "bias_ih": (rows,),
            "bias_hh": (rows,),
        }

    @classmethod
    def square_blocks(cls, weight_hh: Tensor) -> dict[str, Float[Tensor, "hidden hidden"]]:
        """Block name → its square part of `weight_hh`, as a view; empty if the recurrence has no matrix."""
        if not cls.recurrent_blocks:
            return {}
        return dict(zip(cls.recurrent_blocks, weight_hh.split(weight_hh.shape[-1]), strict=True))

    @property
    def weights(self) -> dict[str, Tensor]:
        """Parameter name → weight."""
        return {name: getattr(self, name) for name in self.parameter_shapes(1, 1)}

    def with_weights(self, change: Callable[[Tensor], Tensor]) -> "Cell":
        """The same cell, with `change` applied to every weight."""
        weights: dict[str, Any] = {name: change(weight) for name, weight in self.weights.items()}
        return replace(self, **weights)

    def in_float64(self) -> "Cell":
        """The same cell with detached float64 weights, for derivatives of a pass in another dtype."""
        return self.with_weights(lambda weight: weight.detach().double())

    def on_cpu(self) -> "Cell":
        """The same in float64 on the CPU, where analyses compute, wherever the network is."""
        return self.with_weights(lambda weight: weight.detach().cpu().double())

    def initial_state(self, batch_size: int) -> State:
        """A state of zeros, each tensor [batch, hidden]."""
        return tuple(self.weight_hh.new_zeros(batch_size, size) for size in self.state_sizes)

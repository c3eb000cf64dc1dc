"""The one interface that every recurrent cell has: a step, as plain tensor operations."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

State = tuple[Tensor, ...]
"""(h,) or (h, c): tensors of shape [batch, hidden], the hidden state first."""

Gates = dict[str, Tensor]
"""Gate name → its value, of shape [batch, hidden], in torch's order."""


@dataclass(frozen=True, eq=False)
class Cell(ABC):
    """One layer's recurrence, with the weights that it uses.

    The weights have torch's names, shapes and order of blocks: `weight_hh` is [blocks * hidden, hidden].
    """

    weight_ih: Float[Tensor, "rows input"]
    weight_hh: Float[Tensor, "rows hidden"]
    bias_ih: Float[Tensor, " rows"]
    bias_hh: Float[Tensor, " rows"]

    blocks: ClassVar[tuple[str, ...]]
    """Names of the row blocks of the weights, in torch's order; one a gate, `("h",)` where there is none."""

    gate_names: ClassVar[tuple[str, ...]]
    """The keys of what `step` returns as gates, in torch's order."""

    state_names: ClassVar[tuple[str, ...]] = ("hidden",)
    """What the tensors of the state are: `("hidden",)` or `("hidden", "cell_state")`."""

    option_names: ClassVar[tuple[str, ...]] = ()
    """Keyword arguments that this cell takes besides its weights, such as `nonlinearity`."""

    @abstractmethod
    def step(self, x_t: Float[Tensor, "batch input"], state: State) -> tuple[State, Gates]:
        """The next state and the gates that made it; a pure function of its arguments and the weights."""

    @property
    def hidden_size(self) -> int:
        """Number of hidden units."""
        return self.weight_hh.shape[1]

    @property
    def state_sizes(self) -> tuple[int, ...]:
        """Units of each tensor of the state."""
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

    @property
    def weights(self) -> dict[str, Tensor]:
        """Parameter name → weight."""
        return {name: getattr(self, name) for name in self.parameter_shapes(1, 1)}

    def with_weights(self, change: Callable[[Tensor], Tensor]) -> "Cell":
        """The same cell with every weight changed."""
        return replace(self, **{name: change(weight) for name, weight in self.weights.items()})

    def in_float64(self) -> "Cell":
        """The same cell with detached weights in float64: for derivatives of what another dtype computed."""
        return self.with_weights(lambda weight: weight.detach().double())

    def initial_state(self, batch_size: int) -> State:
        """A state of zeros, each tensor [batch, hidden]."""
        return tuple(self.weight_hh.new_zeros(batch_size, size) for size in self.state_sizes)

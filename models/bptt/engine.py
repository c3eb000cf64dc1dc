"""The interface of an engine for one layer and direction: the definition in `bptt`, and the compiled one."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float, Int64
from torch import Tensor

from models.bptt.scaled import Scaled
from models.bptt.truncation import Blocks
from models.bptt.weight_gradient import WeightGradient
from models.cells.cell import Cell, State
from models.recording.layer_record import LayerRecord, LayerStates


@dataclass(frozen=True, eq=False)
class Backward:
    """The result of one layer's backward pass."""

    record: LayerRecord
    parameter_grads: dict[str, WeightGradient]
    """The cell's parameter → dL/dW summed over time and batch."""
    grad_inputs: Scaled | None
    """dL/dx_t [time, batch, input], if it was requested."""


class Engine(ABC):
    """Both passes over one layer and direction."""

    name: ClassVar[str]
    """`reference` or `fast`."""

    @abstractmethod
    def forward(
        self,
        cell: Cell,
        inputs: Float[Tensor, "time batch input"],
        start: State,
        reverse: bool = False,
        lengths: Int64[Tensor, " batch"] | None = None,
    ) -> LayerStates:
        """The states of the whole sequence from the start state (h_0,) or (h_0, c_0) of [batch, unit].

        Args:
            cell: with detached weights, which the states keep.
            inputs: zero in padding.
            start: s_0 of every sequence.
            reverse: read from each sequence's last input to its first.
            lengths: timesteps of each sequence; None where all are the same.
        """

    @abstractmethod
    def begin(self, cell: Cell, inputs: Float[Tensor, "time batch input"], start: State) -> LayerStates:
        """Memory for the states of a sequence that is read step by step.

        Args:
            cell: with detached weights, which the states keep.
            inputs: contiguous memory; x_t must stand there when step t is taken.
            start: s_0 of every sequence.
        """

    @abstractmethod
    def step(self, states: LayerStates, t: int) -> None:
        """Read x_t and fill in s_t and its gates, after the steps before it."""

    @abstractmethod
    def at(self, states: LayerStates, t: int) -> LayerStates:
        """The one step t as a sequence of its own, for `backward`."""

    @abstractmethod
    def backward(self, states: LayerStates, direct: Scaled, blocks: Blocks | None, through_inputs: bool) -> Backward:
        """The recursion dL/ds_t = direct_t + (∂s_{t+1}/∂s_t)ᵀ dL/ds_{t+1} over all timesteps.

        Args:
            states: the result of this engine's `forward`.
            direct: the direct gradient of h_t, and of c_t if there is a second part; zero in padding.
            blocks: where the gradient stops; None for full BPTT.
            through_inputs: whether dL/dx_t is wanted.
        """

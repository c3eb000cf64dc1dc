"""The interface of every network: recurrent stacks, and plain torch between them and the loss.

An engine runs the stacks forwards and backwards; autograd differentiates the torch code between them, the glue.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from models.bptt.engine import Engine
from models.bptt.scaled import Scaled
from models.bptt.stack_pass import StackBackward
from models.bptt.truncation import TruncateKind
from models.cells.cell import State
from models.networks.recurrent import Recurrent
from models.recording.trace import Stack

Loss = Callable[[Tensor], Tensor]
NextWord = Callable[[Tensor], Tensor]
Grads = dict[str, tuple[Tensor, float]]
"""Parameter → dL/dW, and ln of its norm (nats)."""


@dataclass(frozen=True, eq=False)
class Given:
    """The arguments of one recorded pass; `models.record` explains and checks them."""

    inputs: Float[Tensor, "time batch input"]
    loss: Loss
    source: int | None = None
    start: list[State] | None = None
    lengths: Int64[Tensor, "*part batch"] | None = None
    """[batch]; where the inputs have several parts, [part, batch]."""
    truncate: int | None = None
    truncate_kind: TruncateKind = "blocks"


@dataclass(frozen=True, eq=False)
class Passed:
    """The results of one recorded pass."""

    stacks: dict[str, StackBackward]
    """Name of the recurrent module → its layers and their weights' gradients."""
    outputs: Float[Tensor, "time batch output"]
    loss: Float[Tensor, ""]
    grads: Grads
    """The gradients of the parameters outside the stacks."""
    attention: Float[Tensor, "reader batch read"] | None = None
    """The attention weights; those of each reader add up to 1."""
    grad_picture: Scaled | None = None
    """dL/d(picture), [place, batch, pixel], of a network that reads one."""


class Network(nn.Module, ABC):
    """Recurrent stacks and how they are wired; the stacks are attributes of these names."""

    takes: ClassVar[tuple[str, ...]]
    """Its settings beside the cell and the sizes: `head`, `dense_size`, `start`, `attention`, `features`,
    `bidirectional`, `truncate`, or some of them."""
    needs_source: ClassVar[bool] = False
    """Whether its inputs must be a source and then a target."""
    needs_picture: ClassVar[bool] = False
    """Whether the source must be a picture's places. No stack reads them, so a record keeps the inputs, too."""

    input_size: int
    output_size: int

    @property
    @abstractmethod
    def stacks(self) -> dict[str, Recurrent]:
        """Name → recurrent module; the last one is what the outputs are read from."""

    @abstractmethod
    def forward(
        self, inputs: Float[Tensor, "time batch input"], source: int | None = None
    ) -> Float[Tensor, "answer batch output"]:
        """The outputs by the plain loop over time that autograd can differentiate."""

    @abstractmethod
    def own_words(
        self, inputs: Float[Tensor, "time batch input"], source: int | None, next_word: NextWord
    ) -> Float[Tensor, "answer batch output"]:
        """The outputs in use: a decoder reads its own earlier answers, not the target. Others give `forward`'s.

        Args:
            inputs: as for `forward`; of the words only the first is read.
            source: the source's timesteps.
            next_word: an output [batch, output] → the word [batch, input] that follows from it.
        """

    @abstractmethod
    def parts(self, seq_len: int, source: int | None) -> tuple[int, ...]:
        """The timesteps that each stack reads, one number per stack: a source and a target, or all in one.

        Raises:
            ValueError: a source of so many timesteps does not fit.
        """

    @abstractmethod
    def run(self, engine: Engine, given: Given) -> Passed:
        """One pass forwards and backwards.

        Raises:
            ValueError: an argument that this network cannot take, or a loss that is not a real scalar tensor.
        """

    @abstractmethod
    def answer(
        self, stacks: Mapping[str, Stack], inputs: Float[Tensor, "time batch input"]
    ) -> tuple[Float[Tensor, "answer batch output"], Tensor | None]:
        """The outputs that recorded states give, and where an attention looked, as `Passed` has them.

        Args:
            stacks: the recorded ones.
            inputs: of the whole network, from which the states came.
        """

    def inputs_of(self, stacks: Mapping[str, Stack]) -> Float[Tensor, "time batch input"]:
        """The inputs that recorded stacks have read.

        Raises:
            ValueError: no stack reads the picture that is a part of them.
        """
        raise ValueError("The stacks do not read the picture; the inputs must be kept beside them.")


@dataclass(frozen=True, eq=False)
class Differentiated:
    """Autograd's results for the glue between the states and the loss."""

    outputs: Tensor
    loss: Tensor
    of_states: tuple[Tensor, ...]
    """dL/d(each state), without time's recursion."""
    of_weights: dict[str, Tensor]


def differentiate(
    glue: Callable[[Mapping[str, Tensor], Sequence[Tensor]], Tensor],
    weights: Mapping[str, Tensor],
    states: Sequence[Tensor],
    loss: Loss,
) -> Differentiated:
    """Outputs, loss, and the loss's gradients of the states and weights that the outputs are made from.

    Raises:
        ValueError: the loss is not a real scalar tensor.
    """
    weights = {name: p.detach().requires_grad_() for name, p in weights.items()}  # the network's own may be frozen
    with torch.enable_grad():
        leaves = [state.detach().requires_grad_() for state in states]
        outputs = glue(weights, leaves)
        value = loss(outputs)
        if not isinstance(value, Tensor) or value.ndim != 0 or not value.is_floating_point():
            given = f"a {value.dtype} of shape {tuple(value.shape)}" if isinstance(value, Tensor) else f"{value!r}"
            raise ValueError(f"loss returned {given}; it must map the outputs to a real scalar tensor.")
        variables = (*leaves, *weights.values())
        if value.requires_grad:
            grads = torch.autograd.grad(value, variables, allow_unused=True, materialize_grads=True)
        else:  # a loss that does not depend on the outputs
            grads = tuple(torch.zeros_like(variable) for variable in variables)
    count = len(leaves)
    return Differentiated(
        outputs.detach(), value.detach(), grads[:count], dict(zip(weights, grads[count:], strict=True))
    )

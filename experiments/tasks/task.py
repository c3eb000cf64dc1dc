"""The interface of all tasks: sequences, a loss at each timestep, and the loss of a guess."""

from abc import ABC, abstractmethod
from typing import Literal, TypeAlias, final

import torch
from jaxtyping import Bool, Float, Int64, Num
from torch import Tensor

from models.bptt.lengths import ended_together, padding

LossPosition: TypeAlias = Literal["last", "every"]
"""Which timesteps are in the loss: only the final one, or all of them."""

Targets: TypeAlias = Num[Tensor, " batch"] | Num[Tensor, "time batch"] | Float[Tensor, "time value batch"]
"""One target per sequence, or one per timestep (all, or the last ones); class indices (int64) or numbers of the inputs'
dtype, several of them at a timestep where the outputs are compared one by one."""

Lengths: TypeAlias = Int64[Tensor, " batch"] | None
"""Timesteps of each sequence; None if all are equal."""

MOST_NUMBERS = 3
"""Numbers of a timestep that its symbol has."""


class Task(ABC):
    """Sequences that need memory, and the measures of a network's success on them."""

    name: str
    input_size: int
    output_size: int
    default_loss_position: LossPosition
    asks: str
    """The answers that the accuracy counts, in words: those that need memory."""
    shows_picture: bool = False
    """Whether the source is the places of a picture."""
    costless: int | None = None
    """The target that has no loss, where nothing can be answered; None for a task without one."""

    def length(self, seq_len: int) -> int:
        """Number of timesteps of a sample: T, unless a task says otherwise."""
        return seq_len

    def source(self, seq_len: int) -> int | None:
        """Timesteps of the source, where a sample is a source and then the words of a target; None for none."""
        return None

    @property
    def unseen(self) -> "Task":
        """The task for an evaluation: itself, unless some of its data are kept from training."""
        return self

    @final
    def answers(self, seq_len: int) -> int:
        """Timesteps that have an answer: all, or those of the target after its source."""
        return self.length(seq_len) - (self.source(seq_len) or 0)

    def next_word(self, outputs: Float[Tensor, "batch output"]) -> Float[Tensor, "batch input"]:
        """The word that a decoder reads after it has given these outputs.

        Raises:
            ValueError: the task has no target of words.
        """
        raise ValueError(f"task {self.name} has no words.")

    @abstractmethod
    def sample(
        self, batch_size: int, seq_len: int, generator: torch.Generator, dtype: torch.dtype = torch.float32
    ) -> tuple[Float[Tensor, "time batch input"], Targets]:
        """Fresh inputs and their targets, on the generator's device.

        The same generator state gives the same sequences in every dtype. `batch_size` and `seq_len` are at least 1.
        Targets of fewer timesteps than the inputs are those of the last timesteps: of a target after its source.
        """

    def symbols(self, inputs: Float[Tensor, "time input"]) -> list[str]:
        """What one sequence has at each timestep, in a word or a sign: its numbers, unless a task has better words."""
        rows = inputs[:, :MOST_NUMBERS].tolist()
        rest = ", …" if inputs.shape[1] > MOST_NUMBERS else ""
        return [", ".join(f"{number:.2g}" for number in row) + rest for row in rows]

    def matters(self, inputs: Float[Tensor, "time input"]) -> Bool[Tensor, " time"]:
        """Which timesteps of one sequence tell something of the answer: all, unless a task says otherwise."""
        return torch.ones(len(inputs), dtype=torch.bool)

    def answer_word(self, answer: float) -> str:
        """What an answer is called: the number itself, unless a task has better words.

        Args:
            answer: a class's index, or a number.
        """
        return f"{answer:.3g}"

    def picture(self, values: Float[Tensor, "time input"]) -> Float[Tensor, "row column colour"] | None:
        """Numbers of one sequence's inputs, as they lie in the picture that it shows; None for a task without one."""
        return None

    @abstractmethod
    def losses(self, outputs: Float[Tensor, "time batch output"], targets: Targets) -> Float[Tensor, "time batch"]:
        """The loss at each timestep against that step's target; a sequence's one target counts at every step."""

    @abstractmethod
    def correct(self, outputs: Float[Tensor, "time batch output"], targets: Targets) -> Bool[Tensor, "time batch"]:
        """Whether each timestep's output counts as right."""

    @abstractmethod
    def chance(self, seq_len: int, position: LossPosition | None = None) -> float:
        """Expected loss of the best guess without memory, which knows the timestep and sees no input."""

    @abstractmethod
    def guess_accuracy(self, seq_len: int) -> float:
        """Expected accuracy of the best guess that knows the timestep and sees no input, 0 to 1."""

    def dependency(self, seq_len: int) -> int:
        """Longest lag, in timesteps, from an input that matters to a loss that needs it.

        Truncated BPTT with a smaller `truncate` sends no gradient over this lag. It is that from the first timestep to
        the last, the longest there can be, unless a task says otherwise.
        """
        return self.length(seq_len) - 1

    @final
    def loss(
        self,
        outputs: Float[Tensor, "time batch output"],
        targets: Targets,
        position: LossPosition | None = None,
        lengths: Lengths = None,
    ) -> Float[Tensor, ""]:
        """Mean loss over the batch and the positions in the loss (`None`: the task's default).

        Of sequences with unequal `lengths`, all their timesteps count alike, and padding does not.
        """
        outputs, targets, within = self._positions(outputs, targets, position, lengths)
        values = self.losses(outputs, targets)
        return values.mean() if within is None else values[within].mean()

    @final
    def accuracy(
        self,
        outputs: Float[Tensor, "time batch output"],
        targets: Targets,
        position: LossPosition | None = None,
        lengths: Lengths = None,
    ) -> float:
        """Fraction of right outputs among the answers that need memory, over the batch, 0 to 1.

        A sequence's one answer is asked at the last timestep, wherever the loss is: before, it cannot be known. Of
        targets at every timestep those count that are asked (`asked`) and in the loss.
        """
        if targets.ndim == 1:
            position = "last"
        outputs, targets, within = self._positions(outputs, targets, position, lengths)
        right = self.correct(outputs, targets)
        asked = self.asked(targets).expand_as(right)
        return right[asked if within is None else asked & within].double().mean().item()

    def asked(self, targets: Targets) -> Bool[Tensor, " batch"] | Bool[Tensor, "time batch"]:
        """Which targets need memory: all of them, unless a task says otherwise."""
        return torch.ones_like(targets, dtype=torch.bool)

    def _positions(
        self,
        outputs: Float[Tensor, "time batch output"],
        targets: Targets,
        position: LossPosition | None,
        lengths: Lengths,
    ) -> tuple[Tensor, Tensor, Bool[Tensor, "time batch"] | None]:
        """Outputs and targets at the positions in the loss; nothing is computed for other positions.

        Sequences of unequal lengths are moved to end together; the last result says which timesteps are theirs.
        """
        within = None
        if lengths is not None:
            within = ~padding(len(outputs), lengths).flip(0)
            outputs = ended_together(outputs, lengths, 0)
            if targets.ndim > 1:
                targets = ended_together(targets.movedim(-1, 1), lengths, 0).movedim(1, -1)
        if (position or self.default_loss_position) == "every":
            return outputs if targets.ndim == 1 else outputs[-len(targets) :], targets, within
        return outputs[-1:], targets if targets.ndim == 1 else targets[-1:], None

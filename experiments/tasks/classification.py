"""The shared parts of tasks with classes: one-hot inputs, cross-entropy, and the likeliest class."""

from collections.abc import Callable
from typing import final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy

from experiments.tasks.task import Task

NO_CLASS = -100
"""A target that torch's own cross-entropy leaves out, too."""


def one_hot(symbols: Int[Tensor, "time batch"], size: int, dtype: torch.dtype) -> Float[Tensor, "time batch {size}"]:
    """1 in the channel of each symbol, 0 in the others."""
    channels = torch.zeros(*symbols.shape, size, dtype=dtype, device=symbols.device)
    return channels.scatter_(-1, symbols.unsqueeze(-1), 1)


def spell_one_hot(inputs: Float[Tensor, "time channel"], word: Callable[[int], str]) -> list[str]:
    """The word of the channel that is 1, at each timestep."""
    return [word(channel) for channel in inputs.argmax(-1).tolist()]


def likeliest_word(outputs: Float[Tensor, "batch output"], size: int) -> Float[Tensor, "batch {size}"]:
    """The likeliest class of each sequence, one-hot over `size` channels, as a decoder reads it next."""
    return one_hot(outputs.argmax(-1)[None], size, outputs.dtype)[0]


class Classification(Task):
    """A task whose outputs are logits and whose targets are class indices."""

    def answer_word(self, answer: float) -> str:
        """The class's number, unless a task has better words."""
        return f"{answer:g}"

    @final
    def losses(
        self,
        outputs: Float[Tensor, "time batch output"],
        targets: Int[Tensor, " batch"] | Int[Tensor, "time batch"],
    ) -> Float[Tensor, "time batch"]:
        """Cross-entropy −ln softmax(output)[target] at each timestep (nats).

        0 before the targets begin, and where a target costs nothing.
        """
        T, B, _ = outputs.shape
        before = T - len(targets) if targets.ndim == 2 else 0
        answers = outputs[before:]
        wanted = targets.expand(len(answers), B).flatten()
        left_out = NO_CLASS if self.costless is None else self.costless
        losses = cross_entropy(answers.flatten(0, 1), wanted, ignore_index=left_out, reduction="none")
        losses = losses.view(len(answers), B)
        return torch.cat([losses.new_zeros(before, B), losses]) if before else losses

    @final
    def correct(
        self,
        outputs: Float[Tensor, "time batch output"],
        targets: Int[Tensor, " batch"] | Int[Tensor, "time batch"],
    ) -> Bool[Tensor, "time batch"]:
        """Whether the largest output is the target's; none of a diverged network's is, which has no largest one."""
        largest = outputs.max(dim=-1)
        return (largest.indices == targets) & largest.values.isfinite()

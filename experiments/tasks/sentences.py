"""The shared parts of tasks whose target is a sentence, word by word, and then end signs."""

from abc import abstractmethod
from typing import final

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from experiments.tasks.classification import Classification, likeliest_word, spell_one_hot
from experiments.tasks.task import LossPosition, Targets


class Sentences(Classification):
    """The loss counts every end sign, the accuracy the words and the first end sign."""

    default_loss_position: LossPosition = "every"
    words: tuple[str, ...]
    """The word of each input channel: those of the outputs come first."""
    end: int
    """Which of them is the end sign."""

    @abstractmethod
    def shares(self, seq_len: int, asked: bool) -> Float[np.ndarray, "target word"]:
        """The share of the sentences that have each word at each timestep, and are asked for it."""

    def symbols(self, inputs: Float[Tensor, "time input"]) -> list[str]:
        """The words."""
        return spell_one_hot(inputs, self.words.__getitem__)

    @final
    def answer_word(self, answer: float) -> str:
        """The word."""
        return self.words[int(answer)]

    @final
    def next_word(self, outputs: Float[Tensor, "batch output"]) -> Float[Tensor, "batch input"]:
        """The likeliest word, as the decoder reads it."""
        return likeliest_word(outputs, self.input_size)

    @final
    def asked(self, targets: Targets) -> Bool[Tensor, " batch"] | Bool[Tensor, "time batch"]:
        """The words and the first end sign; of one timestep alone, that."""
        return torch.cat([torch.ones_like(targets[:1], dtype=torch.bool), targets[:-1] != self.end])

    @final
    def chance(self, seq_len: int, position: LossPosition | None = None) -> float:
        """Entropy of the word at a timestep (nats), their mean over the target's or that of `last`.

        H_t = −Σ_w p_t(w) ln p_t(w), over all sentences that occur.
        """
        p = self.shares(seq_len, asked=False)
        entropies = -(p * np.log(p, where=p > 0, out=np.zeros_like(p))).sum(1)
        return float(entropies[-1] if position == "last" else entropies.mean())

    @final
    def guess_accuracy(self, seq_len: int) -> float:
        """Share of the asked words that are their timestep's most frequent one."""
        shares = self.shares(seq_len, asked=True)
        return float(shares.max(1).sum() / shares.sum())

"""Evaluate a trained network at other lengths than it was trained at."""

from dataclasses import dataclass

import torch

from analysis.training_findings import has_learned
from analysis.wording import significant
from experiments.config.listed import lengths_of
from experiments.config.run_config import RunConfig
from experiments.tasks import Task
from experiments.training.success import evaluate
from models.networks.network import Network


@dataclass(frozen=True)
class AtLength:
    """An evaluation at one length, and what a guess scores there."""

    seq_len: int
    loss: float
    accuracy: float
    chance: float
    """The loss of a guess."""
    guess_accuracy: float

    @property
    def sentence(self) -> str:
        """The loss and the accuracy, each beside a guess's."""
        verdict = "" if has_learned(self.loss, self.chance) else ", so the network is no better than a guess there"
        return (
            f"At seq_len={self.seq_len} the loss is {significant(self.loss)} (a guess: {significant(self.chance)}) and "
            f"the accuracy {self.accuracy:.3g} (a guess: {self.guess_accuracy:.3g}){verdict}."
        )


def evaluate_lengths(config: RunConfig, task: Task, model: Network) -> list[AtLength]:
    """Loss and accuracy at each length of `evaluate_at`, on `evaluate_size` fresh sequences each.

    The same seed gives the same sequences, whenever the network is evaluated.
    """
    found = []
    for seq_len in lengths_of(config.evaluate_at):
        generator = torch.Generator().manual_seed((config.seed * 2 + 1) % 2**63)
        alike = config.model_copy(update={"seq_len": seq_len, "seq_len_schedule": "fixed"})
        there = evaluate(alike, task, model, generator)
        chance = task.chance(seq_len, config.loss_position)
        found.append(AtLength(seq_len, there.loss, there.accuracy, chance, task.guess_accuracy(seq_len)))
    return found

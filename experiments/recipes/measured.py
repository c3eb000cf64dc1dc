"""What a trained network does on fresh sequences: the numbers that recipes are judged by."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from experiments.runs.opening import config_of
from experiments.runs.store.checkpoint import load_checkpoint
from experiments.runs.store.errors import DamagedRunError
from experiments.runs.store.reader import RunReader
from experiments.sweeps.quantities import largest
from experiments.tasks import Targets, Task
from experiments.training.batches import DTYPES
from experiments.training.training import Training
from models import record

FRESH = 500
"""Fresh sequences, the same for every network of a task."""
PART = 50
"""Sequences that are computed together."""
SEED = 20_000_003
"""Of the fresh sequences: no run of a recipe has it, whose seeds count from 0."""

QUANTITIES = {
    "loss": "the loss on fresh sequences, the target given word by word",
    "bits": "the same in bits",
    "loss_over_chance": "the loss divided by a guess's",
    "accuracy": "the share of right answers on fresh sequences; a decoder reads its own words",
    "exact": "the share of fresh sequences whose answers are all right",
    "steps": "optimiser steps of the run",
    "sequences": "sequences until an evaluation solved the task, infinite if none did",
    "step_seconds": "seconds per optimiser step on this machine",
    "solved": "1 if an evaluation during training solved the task, else 0",
    "floss_fall": "the mean square of the flossed Lyapunov exponents at the last flossing step over the first",
    "kept": "ln of the gradient's norm at the first state over that at the last, nats, the median over fresh sequences",
    "norm_growth": "the largest norm of the gradient before clipping, divided by the first",
}
"""The values of an arm, `ARM.QUANTITY`, and what they mean."""


@dataclass(frozen=True, eq=False)
class Answers:
    """What a network says to fresh sequences."""

    inputs: Float[Tensor, "time batch input"]
    targets: Targets
    said: Float[Tensor, "answer batch output"]
    right: Bool[Tensor, "answer batch"]
    asked: Bool[Tensor, "answer batch"]
    loss: float

    @property
    def accuracy(self) -> float:
        """The share of right answers among those asked for."""
        return self.right[self.asked].double().mean().item()

    @property
    def whole(self) -> Bool[Tensor, " batch"]:
        """Which sequences have only right answers where answers are asked for."""
        return (self.right | ~self.asked).all(dim=0)


def trained(run: RunReader) -> Training:
    """The training of a run as its last commit left it, in memory.

    Raises:
        RunError: its checkpoint is missing or damaged; ConfigError: it cannot be run here.
    """
    training = Training(config_of(run), run.path)
    progress = run.progress
    if progress.checkpoint is None:
        raise DamagedRunError(f"run {run.name} has no checkpoint, so its network cannot be used.")
    checkpoint = load_checkpoint(
        run.folder, progress.checkpoint, progress.checkpoint_crc32, training.largest_checkpoint
    )
    training.restore(checkpoint)
    return training


def answer(training: Training) -> Answers:
    """What the network says to `FRESH` new sequences, a decoder reading its own words."""
    config, task, model = training.config, training.task.unseen, training.model
    generator = torch.Generator().manual_seed(SEED)
    source = task.source(config.seq_len)
    inputs_of, targets_of, said_of, losses = [], [], [], []
    for _ in range(0, FRESH, PART):
        inputs, targets = task.sample(PART, config.seq_len, generator, DTYPES[config.dtype])
        with torch.no_grad():
            outputs = model(inputs) if source is None else model(inputs, source)
            said = outputs if source is None else model.own_words(inputs, source, task.next_word)
        inputs_of.append(inputs)
        targets_of.append(targets)
        said_of.append(said[-1:] if targets.ndim == 1 else said[-len(targets) :])
        losses.append(task.loss(outputs, targets, config.loss_position).item())
    targets, said = torch.cat(targets_of, dim=-1), torch.cat(said_of, dim=1)
    right, asked = judged(task, said, targets)
    return Answers(torch.cat(inputs_of, dim=1), targets, said, right, asked, sum(losses) / len(losses))


def judged(
    task: Task, said: Float[Tensor, "answer batch output"], targets: Targets
) -> tuple[Bool[Tensor, "answer batch"], Bool[Tensor, "answer batch"]]:
    """Which answers are right, and which are asked for."""
    right = task.correct(said, targets)
    return right, task.asked(targets).expand_as(right)


def numbers_of(run: RunReader, training: Training, answers: Answers) -> dict[str, float]:
    """Every quantity of a finished run."""
    scalars = run.scalars()
    log_norms, flossing = (scalars.get(name, np.zeros(0)) for name in ("log_norm_before", "flossing"))
    flossing = flossing[~np.isnan(flossing)]
    growth = math.exp(largest(log_norms) - float(log_norms[0])) if len(log_norms) else math.nan
    return {
        "loss": answers.loss,
        "bits": answers.loss / math.log(2),
        "loss_over_chance": answers.loss / training.chance,
        "accuracy": answers.accuracy,
        "exact": answers.whole.double().mean().item(),
        "steps": float(run.progress.step),
        "sequences": run.progress.step * training.config.batch_size if run.progress.reason == "success" else math.inf,
        "step_seconds": run.progress.seconds / max(run.progress.step, 1),
        "solved": float(run.progress.reason == "success"),
        "floss_fall": float(flossing[-1] / flossing[0]) if len(flossing) else math.nan,
        "kept": kept(training),
        "norm_growth": growth,
    }


def kept(training: Training) -> float:
    """ln(‖dL/dh_1‖/‖dL/dh_T‖) in the lowest stack's top layer (nats), the median over `PART` fresh sequences."""
    config, task = training.config, training.task.unseen
    inputs, targets = task.sample(PART, config.seq_len, torch.Generator().manual_seed(SEED), DTYPES[config.dtype])
    trace = record(
        training.model,
        inputs,
        lambda outputs: task.loss(outputs, targets, config.loss_position),
        path=training.path,
        source=task.source(config.seq_len),
    )
    log_norm = next(iter(trace.stacks.values())).top.log_norm
    return float((log_norm[0] - log_norm[-1]).median())

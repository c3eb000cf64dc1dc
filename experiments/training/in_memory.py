"""Short trainings in memory, without a run folder."""

from dataclasses import dataclass

import numpy as np
from numpy import ndarray

from experiments.config.run_config import RunConfig
from experiments.training.training import Training


@dataclass(frozen=True)
class Ending:
    """The end of a lane."""

    steps: int
    solved: bool
    """Whether it solved the task, which ends a lane."""
    over: bool
    """Whether it has ended: solved, diverged, or all steps taken."""


@dataclass(frozen=True, eq=False)
class Trained:
    """A lane that was trained in memory."""

    ending: Ending
    loss: ndarray
    log_norm: ndarray
    """ln of the gradient's norm before clipping (nats)."""
    chance: float


def train_in_memory(config: RunConfig, budget: int) -> Trained:
    """Train at most `budget` steps of a lane, until it solves the task."""
    training = Training(config)
    scalars = []
    while training.step < budget and not training.solved:
        step = training.advance()
        scalars.append((step.scalars["loss"], step.clipping.log_norm_before))
        if step.culprit is not None:
            break
        training.update(step.clipping.grads)
        if training.step % (config.evaluate_every or budget) == 0:
            training.evaluate()
    loss, log_norm = np.array(scalars, float).T
    return Trained(Ending(training.step, training.solved, True), loss, log_norm, training.chance)

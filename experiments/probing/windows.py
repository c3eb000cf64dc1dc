"""Truncated BPTT with a window: which states get credit, and what is learnt."""

from functools import lru_cache

import numpy as np
from jaxtyping import Bool
from numpy import ndarray

from analysis.credit import Credit
from experiments.config.run_config import RunConfig
from experiments.probing.probe import probe
from experiments.training.success import Evaluation
from experiments.training.training import Training

STEPS, UPDATES = 40, 100
"""Timesteps of a credit matrix; optimiser steps of a training."""


@lru_cache(maxsize=2 * STEPS)
def record_credit(cell: str, window: int) -> Credit:
    """The credit matrix of 32 units on the adding problem, a loss at every timestep; full BPTT for all 40 steps."""
    return probe(
        RunConfig(
            task="adding", cell=cell, seq_len=STEPS, batch_size=4, hidden_size=32, initialisation="orthogonal",
            truncate=window if window < STEPS else None,
        )
    ).credit  # fmt: skip


def find_credited(c: Credit) -> Bool[ndarray, "loss_time state_time"]:
    """Which losses send anything at all to which states."""
    return c.median > -np.inf


def credited_share(c: Credit, lag: int) -> float:
    """Share of the losses that credit the state so many steps before them, of those that have one."""
    return float(np.diagonal(find_credited(c), -lag).mean())


def longest_lag(c: Credit) -> int:
    """The largest lag at which any loss credits a state."""
    t, k = np.nonzero(find_credited(c))
    return int((t - k).max())


def train_with_window(steps: int, window: int | None) -> Evaluation:
    """Temporal order over so many steps after training with a window: 20 tanh units that begin orthogonal."""
    training = Training(
        RunConfig(
            task="temporal_order", cell="elman", seq_len=steps, hidden_size=20, batch_size=20, dtype="float64",
            initialisation="orthogonal", learning_rate=0.01, truncate=window,
        )
    )  # fmt: skip
    for _ in range(UPDATES):
        training.update(training.advance().clipping.grads)
    return training.evaluate()

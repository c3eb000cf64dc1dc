"""Truncated BPTT in blocks and by windows: which states get credit, the error of dL/dW, and the result of training."""

from functools import lru_cache

import numpy as np
from jaxtyping import Bool
from numpy import ndarray

from analysis.credit import Credit
from experiments.config.run_config import RunConfig
from experiments.probing.probe import probe
from experiments.training.success import Evaluation
from experiments.training.training import Training
from models.bptt.truncation import TruncateKind

STEPS, UPDATES = 40, 100
"""Timesteps of a credit matrix; optimiser steps of a training."""


@lru_cache(maxsize=2 * STEPS)
def record_credit(cell: str, length: int, kind: TruncateKind = "blocks") -> Credit:
    """The credit matrix of 32 units on the adding problem, a loss at every timestep; full BPTT for all 40 steps.

    Args:
        cell: the name of the cell.
        length: timesteps of a block or a window.
        kind: the kind of truncation.
    """
    return probe(
        RunConfig(
            task="adding", cell=cell, seq_len=STEPS, batch_size=4, hidden_size=32, initialisation="orthogonal",
            truncate=length if length < STEPS else None, truncate_kind=kind,
        )
    ).credit  # fmt: skip


@lru_cache(maxsize=8)
def gradient_error(length: int, kind: TruncateKind) -> float:
    """‖dL/dW_hh truncated − dL/dW_hh‖ / ‖dL/dW_hh‖ of 32 tanh units over 60 timesteps with a loss at each."""
    full, cut = (
        probe(
            RunConfig(
                task="adding", cell="elman", seq_len=60, hidden_size=32, loss_position="every", dtype="float64",
                truncate=steps, truncate_kind=kind,
            )
        ).trace.parameter_grads["recurrent.weight_hh_l0"]
        for steps in (None, length)
    )  # fmt: skip
    return float((cut - full).norm() / full.norm())


def find_credited(c: Credit) -> Bool[ndarray, "loss_time state_time"]:
    """Which losses send a gradient to which states."""
    return c.median > -np.inf


def credited_share(c: Credit, lag: int) -> float:
    """Share of the losses that credit the state `lag` steps before them, among losses that have such a state."""
    return float(np.diagonal(find_credited(c), -lag).mean())


def longest_lag(c: Credit) -> int:
    """The largest lag at which any loss credits a state."""
    t, k = np.nonzero(find_credited(c))
    return int((t - k).max())


def train_in_blocks(steps: int, length: int | None) -> Evaluation:
    """Train 20 tanh units with orthogonal initial weights in blocks on temporal order, and evaluate them."""
    training = Training(
        RunConfig(
            task="temporal_order", cell="elman", seq_len=steps, hidden_size=20, batch_size=20, dtype="float64",
            initialisation="orthogonal", learning_rate=0.01, truncate=length,
        )
    )  # fmt: skip
    for _ in range(UPDATES):
        training.update(training.advance().clipping.grads)
    return training.evaluate()

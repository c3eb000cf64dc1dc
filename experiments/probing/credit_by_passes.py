"""The credit matrix of any network: one backward pass per loss, where a loss reaches states on more than one way."""

import math

import numpy as np
import torch
from torch import Tensor

from analysis.credit import Credit
from experiments.training.build import Experiment
from models import LayerRecord, Trace, record
from models.bptt.scaled import LN_2

MOST_PASSES = 60
"""Losses up to which a credit matrix is computed so."""


def credit_by_passes(experiment: Experiment, trace: Trace, stack: str | None) -> Credit:
    """Who in the past gets credit for which loss, in the top layer of one of the network's stacks.

    Row t of the matrix is the recorded pass with the loss at t alone, its weight in the mean included. Where a head
    gives one answer for the whole sequence, the last row is the only one.

    Args:
        experiment: whose network and batch were recorded.
        trace: that pass; the matrix's total is its gradient.
        stack: the stack whose states are asked for; None for the last.
    """
    recorded = trace.only(stack).top
    losses = len(trace.outputs)
    rows = range(losses) if experiment.answers_at_each_step else [losses - 1]
    T, B = recorded.log_norm.shape
    log_norm = torch.full((losses, T, B), -math.inf, dtype=torch.float64)
    for t in rows:
        log_norm[t] = loss_alone(experiment, t, len(rows), trace.path).only(stack).top.log_norm
    total = recorded.total[0]
    return Credit(
        log_norm=log_norm.numpy(),
        total=total.parts[0].double().numpy(),
        total_log_scale=(total.exponent.double() * LN_2).numpy(),
        reason="The recorded pass diverged: some entries are NaN." if has_diverged(recorded, log_norm) else None,
    )


def loss_alone(experiment: Experiment, t: int, count: int, path: str) -> Trace:
    """The pass with one of `count` losses."""

    def loss(outputs: Tensor) -> Tensor:
        return experiment.task.losses(outputs, experiment.targets)[t].mean() / count

    return record(experiment.model, experiment.inputs, loss, path=path, source=experiment.source)


def has_diverged(recorded: LayerRecord, log_norm: Tensor) -> bool:
    """Whether an entry outside of padding is not a number."""
    broken = log_norm.isnan()
    return bool(np.any((broken if recorded.padding is None else broken & ~recorded.padding).numpy()))

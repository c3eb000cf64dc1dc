"""The credit matrix of any network by passes with one loss each, for losses that reach states on several ways."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from analysis.credit import Credit
from experiments.training.build import Experiment
from models import LayerRecord, Trace, record
from models.bptt.scaled import LN_2

MOST_LOSSES = 60
"""Losses up to which a credit matrix is computed so."""
AT_ONCE = 128
"""Sequences of one pass: each loss has copies of the batch of its own."""


def credit_by_passes(experiment: Experiment, trace: Trace, stack: str | None, index: int) -> Credit:
    """Who in the past gets credit for which loss, in a layer of one of the network's stacks.

    Row t of the matrix is the recorded pass with the loss at t alone, its weight in the mean included. Where a head
    gives one answer for the whole sequence, the last row is the only one.

    Args:
        experiment: whose network and batch were recorded.
        trace: that pass; the matrix's total is its gradient.
        stack: the stack whose states are asked for; None for the last.
        index: the layer and direction, in the order of torch's `h_n`.
    """
    recorded = trace.only(stack).layers[index]
    losses = len(trace.outputs)
    rows = list(range(losses)) if experiment.answers_at_each_step else [losses - 1]
    T, B = recorded.log_norm.shape
    log_norm = torch.full((losses, T, B), -math.inf, dtype=torch.float64)
    together = max(1, AT_ONCE // B)
    for first in range(0, len(rows), together):
        part = rows[first : first + together]
        apart = losses_apart(experiment, part, len(rows), trace.path).only(stack).layers[index].log_norm
        log_norm[part] = apart.unflatten(1, (len(part), B)).transpose(0, 1)
    total = recorded.total[0]
    no_path = np.ones((losses, T), bool)
    no_path[rows] = False
    return Credit(
        log_norm=log_norm.numpy(),
        total=total.parts[0].double().numpy(),
        total_log_scale=(total.exponent.double() * LN_2).numpy(),
        reason="The recorded pass diverged: some entries are NaN." if has_diverged(recorded, log_norm) else None,
        no_path=no_path,
        why_no_path="Only the last timestep has an answer, and so a loss.",
    )


def losses_apart(experiment: Experiment, rows: Sequence[int], count: int, path: str) -> Trace:
    """One pass over a copy of the batch per loss in `rows`, each copy with its own loss out of `count`."""
    copies, B = len(rows), experiment.inputs.shape[1]
    targets = experiment.targets.repeat(*[1] * (experiment.targets.ndim - 1), copies)

    def loss(outputs: Tensor) -> Tensor:
        each = experiment.task.losses(outputs, targets).unflatten(1, (copies, B))
        return sum((each[t, k].mean() for k, t in enumerate(rows)), each.new_zeros(())) / count

    inputs = experiment.inputs.repeat(1, copies, 1)
    return record(experiment.model, inputs, loss, path=path, source=experiment.source)


def has_diverged(recorded: LayerRecord, log_norm: Tensor) -> bool:
    """Whether an entry outside of padding is not a number."""
    broken = log_norm.isnan()
    return bool(np.any((broken if recorded.padding is None else broken & ~recorded.padding).numpy()))

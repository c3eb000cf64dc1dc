"""Batches of sequences: all of one length, or each with a length of its own, and what a guess scores on them.

Sequences of unequal lengths begin together. Beyond its end a sequence is padding: zeros, which count in no mean.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from experiments.config.run_config import RunConfig
from experiments.errors import ConfigError
from experiments.tasks import LossPosition, Targets, Task

DTYPES = {"float32": torch.float32, "float64": torch.float64}


@dataclass(frozen=True, eq=False)
class Batch:
    """Some sequences and their targets."""

    inputs: Float[Tensor, "time batch input"]
    targets: Targets
    lengths: Int64[Tensor, " batch"] | None = None
    """Timesteps of each sequence; None if all are equal."""

    def to(self, device: torch.device) -> "Batch":
        """The same on a device."""
        lengths = None if self.lengths is None else self.lengths.to(device)
        return Batch(self.inputs.to(device), self.targets.to(device), lengths)


def draw_batch(config: RunConfig, task: Task, size: int, seq_len: int, generator: torch.Generator) -> Batch:
    """Fresh sequences of `seq_len`, or of unequal lengths up to it, as the configuration's schedule says.

    Raises:
        ConfigError: unequal lengths, and a task whose targets are those of the last timesteps.
    """
    dtype = DTYPES[config.dtype]
    if config.seq_len_schedule != "mixed":
        return Batch(*task.sample(size, seq_len, generator, dtype))
    drawn = draw_lengths(config, size, generator)
    inputs = torch.zeros(task.length(seq_len), size, task.input_size, dtype=dtype)
    targets: Tensor | None = None
    for length in drawn.unique().tolist():
        which = torch.nonzero(drawn == length).flatten()
        x, y = task.sample(len(which), length, generator, dtype)
        inputs[: len(x), which] = x
        if y.ndim > 1 and len(y) != len(x):
            raise ConfigError(
                f"seq_len_schedule was 'mixed'; task={task.name} has targets at some timesteps only: choose "
                "seq_len_schedule=fixed or another task."
            )
        if y.ndim == 1:
            targets = y.new_zeros(size) if targets is None else targets
            targets[which] = y
        else:
            targets = y.new_zeros(len(inputs), *y.shape[1:-1], size) if targets is None else targets
            targets[: len(y), ..., which] = y
    assert targets is not None
    lengths = torch.tensor([task.length(length) for length in drawn.tolist()])
    return Batch(inputs, targets, None if bool((lengths == len(inputs)).all()) else lengths)


def draw_lengths(config: RunConfig, count: int, generator: torch.Generator) -> Int64[Tensor, " batch"]:
    """The `seq_len` of each sequence: uniform on seq_len_min … seq_len, but the first of a batch has seq_len.

    Of more sequences than a batch has, that is every `batch_size`-th.
    """
    drawn = torch.randint(config.seq_len_min, config.seq_len + 1, (count,), generator=generator)
    drawn[:: config.batch_size] = config.seq_len
    return drawn


def shares_of_lengths(config: RunConfig) -> Mapping[int, float]:
    """`seq_len` → the expected share of a batch's sequences that have it."""
    if config.seq_len_schedule != "mixed":
        return {config.seq_len: 1.0}
    first, possible = 1 / config.batch_size, range(config.seq_len_min, config.seq_len + 1)
    shares = dict.fromkeys(possible, (1 - first) / len(possible))
    shares[config.seq_len] += first
    return shares


def guess_loss(config: RunConfig, task: Task) -> float:
    """Expected loss of the best guess without memory, which knows the timestep and the sequence's length."""
    position = config.loss_position or task.default_loss_position
    return mean_over_lengths(config, task, position, lambda length: task.chance(length, config.loss_position))


def guess_accuracy(config: RunConfig, task: Task) -> float:
    """Expected accuracy of the best guess that knows the timestep and the length, 0 to 1."""
    return mean_over_lengths(config, task, "last", task.guess_accuracy)


def mean_over_lengths(config: RunConfig, task: Task, position: LossPosition, measure: Callable[[int], float]) -> float:
    """The mean of a measure of a length, over all sequences (`last`) or over all their timesteps (`every`)."""
    shares = shares_of_lengths(config)
    if len(shares) == 1:
        return measure(config.seq_len)
    weights = {n: share * (task.length(n) if position == "every" else 1) for n, share in shares.items()}
    return sum(weight * measure(n) for n, weight in weights.items()) / sum(weights.values())

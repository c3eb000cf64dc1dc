"""A series of your own: predict its next value, or one of its columns from the others."""

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from experiments.config.words import shortened
from experiments.errors import ConfigError
from experiments.tasks.data_file import read_numbers
from experiments.tasks.task import LossPosition, Targets, Task


class Series(Task):
    """The next value of a series of numbers, or one of its columns (time series as in Elman 1990).

    The numbers are those of `data_file`, each column with its mean subtracted and divided by its standard deviation, so
    that a guess scores 1. A sequence is T rows from a random place on; the first row follows the last one.

    Inputs: all columns, or all but `data_column`. Targets, one per timestep: the first column's next value, or the
    value of `data_column` at the same timestep. Every sequence is a piece of the same file, in evaluations too.
    """

    name = "series"
    output_size = 1
    default_loss_position: LossPosition = "every"
    tolerance = 0.2
    """An answer is right if it is off by less, in standard deviations of the column."""
    asks = "every value in the loss, right if the error is below 0.2 standard deviations"

    def __init__(self, data_file: str | None = None, data_column: str | None = None) -> None:
        rows, self.columns = (make_waves(), ("wave",)) if data_file is None else read_numbers(data_file)
        wanted = 0 if data_column is None else self._find(data_column)
        spread = rows.std(axis=0)
        if not spread[wanted] > 0:
            raise ConfigError(f"data_file was {shortened(data_file)}; its column {self.columns[wanted]} never changes.")
        standard = (rows - rows.mean(axis=0)) / np.where(spread > 0, spread, 1)
        if data_column is None:
            inputs, targets = standard, np.roll(standard[:, 0], -1)
        else:
            inputs, targets = np.delete(standard, wanted, axis=1), standard[:, wanted]
        self._inputs, self._targets = torch.from_numpy(inputs), torch.from_numpy(targets.copy())
        self.input_size = inputs.shape[1]

    def _find(self, data_column: str) -> int:
        """The place of the column with this name, or with this number from 1."""
        numbers = [str(k + 1) for k in range(len(self.columns))]
        if len(self.columns) < 2:
            raise ConfigError(
                f"data_column was {shortened(data_column)}, and the series has one column; data_column=none predicts "
                "its next value."
            )
        for names in (list(self.columns), numbers):
            if data_column in names:
                return names.index(data_column)
        raise ConfigError(
            f"data_column was {shortened(data_column)}; it must be one of {shortened(', '.join(self.columns), 200)}, "
            f"or a number from 1 to {len(self.columns)}."
        )

    def sample(
        self, batch_size: int, seq_len: int, generator: torch.Generator, dtype: torch.dtype = torch.float32
    ) -> tuple[Float[Tensor, "time batch input"], Float[Tensor, "time batch"]]:
        """Rows from random places on, and the value to say at each."""
        N, device = len(self._targets), generator.device
        start = torch.randint(0, N, (batch_size,), generator=generator, device=device).cpu()
        place = (start + torch.arange(seq_len).unsqueeze(1)) % N
        return self._inputs[place].to(device, dtype), self._targets[place].to(device, dtype)

    def losses(self, outputs: Float[Tensor, "time batch 1"], targets: Targets) -> Float[Tensor, "time batch"]:
        """Squared error at each timestep, in variances of the column."""
        return (outputs.squeeze(-1) - targets) ** 2

    def correct(self, outputs: Float[Tensor, "time batch 1"], targets: Targets) -> Bool[Tensor, "time batch"]:
        """Whether each output is off by less than `tolerance`."""
        return (outputs.squeeze(-1) - targets).abs() < self.tolerance

    def chance(self, seq_len: int, position: LossPosition | None = None) -> float:
        """1: the loss of the guess 0, the mean, is the variance, since every row is equally likely at each timestep."""
        return 1.0

    def guess_accuracy(self, seq_len: int) -> float:
        """The largest share of the values that lie within 2 τ of each other."""
        values = np.sort(self._targets.numpy())
        until = np.searchsorted(values, values + 2 * self.tolerance, side="left")
        return float((until - np.arange(len(values))).max() / len(values))


def make_waves() -> Float[np.ndarray, "time 1"]:
    """sin(2π t/25) + sin(2π t/40), 2000 values: the series if no file is given."""
    t = np.arange(2000)
    return (np.sin(2 * np.pi * t / 25) + np.sin(2 * np.pi * t / 40))[:, None]

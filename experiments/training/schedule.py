"""The schedule of sequence lengths: how many timesteps the sequences of each step have."""

import torch

from experiments.config.run_config import RunConfig
from experiments.errors import ConfigError


def seq_len_at(config: RunConfig, step: int, generator: torch.Generator) -> int:
    """The `seq_len` of a step (from 1).

    `ranged` draws it uniformly from seq_len_min … seq_len. `curriculum` grows linearly from seq_len_min at the first
    step to seq_len at half of the steps, and stays there. In a `mixed` batch it is that of the longest sequence.
    """
    low, high = config.seq_len_min, config.seq_len
    if config.seq_len_schedule == "ranged":
        return int(torch.randint(low, high + 1, (), generator=generator))
    if config.seq_len_schedule == "curriculum":
        half = max(config.steps // 2, 1)
        return low + (high - low) * min(step - 1, half) // half
    return high


def check_schedule(config: RunConfig) -> None:
    """Raise an error unless the schedule has a range.

    Raises:
        ConfigError: seq_len_min is above seq_len, and the schedule uses it.
    """
    if config.seq_len_schedule != "fixed" and config.seq_len_min > config.seq_len:
        raise ConfigError(
            f"seq_len_min was {config.seq_len_min}; it must be at most seq_len, which was {config.seq_len}, for a "
            f"{config.seq_len_schedule} schedule."
        )

"""Your own inputs, or noise: nothing is learned; the gradient is followed back from the last timestep."""

import io
import math
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy import ndarray
from torch import Tensor

from experiments.config.words import shortened, spelt_path
from experiments.errors import ConfigError
from experiments.reading import read_bounded
from experiments.tasks.task import LossPosition, Targets, Task

LARGEST_FILE = 2**29


class GivenInputs(Task):
    """The loss is a random readout of h_T: up to its scale, any loss on h_T would send back such a gradient."""

    name = "given inputs"
    output_size = 1
    default_loss_position: LossPosition = "last"
    asks = "nothing"

    def __init__(self, inputs: Float[ndarray, "time batch input"]) -> None:
        self.inputs = inputs
        self.input_size = inputs.shape[2]

    def sample(
        self, batch_size: int, seq_len: int, generator: torch.Generator, dtype: torch.dtype = torch.float32
    ) -> tuple[Float[Tensor, "time batch input"], Targets]:
        """The first sequences and timesteps of the inputs; the targets are zeros, which no loss uses."""
        with np.errstate(over="ignore"):  # a long double may be beyond float64
            inputs = torch.from_numpy(np.array(self.inputs[:seq_len, :batch_size], dtype=np.float64)).to(dtype)
        return inputs, torch.zeros(inputs.shape[1], dtype=dtype)

    def losses(self, outputs: Float[Tensor, "time batch output"], targets: Targets) -> Float[Tensor, "time batch"]:
        """The readout's one number at each timestep."""
        return outputs[..., 0]

    def correct(self, outputs: Float[Tensor, "time batch output"], targets: Targets) -> Bool[Tensor, "time batch"]:
        """Always false: there is no question."""
        return torch.zeros_like(outputs[..., 0], dtype=torch.bool)

    def chance(self, seq_len: int, position: LossPosition | None = None) -> float:
        """NaN: there is nothing to guess."""
        return math.nan

    def guess_accuracy(self, seq_len: int) -> float:
        """NaN: there is nothing to guess."""
        return math.nan


def draw_noise(
    shape: tuple[int, int, int], generator: torch.Generator, mean: float = 0.0, deviation: float = 1.0
) -> Float[ndarray, "time batch input"]:
    """Independent normal numbers, in float64."""
    noise = torch.randn(*shape, generator=generator, dtype=torch.float64)
    return (mean + deviation * noise).numpy()


def parse_noise(text: str) -> tuple[float, float] | None:
    """Mean and standard deviation of `noise` or `noise:MEAN,DEVIATION`; None for a file's name.

    Raises:
        ConfigError: the text after the colon is not two finite numbers.
    """
    if text == "noise":
        return 0.0, 1.0
    if not text.startswith("noise:"):
        return None
    try:
        mean, deviation = (float(part) for part in text.removeprefix("noise:").split(","))
    except ValueError:
        mean = deviation = math.nan
    if not (math.isfinite(mean) and math.isfinite(deviation) and deviation >= 0):
        raise ConfigError(
            f"--inputs was {shortened(text)}; after noise: there must be a mean and a deviation, such as 0,1."
        )
    return mean, deviation


def read_inputs(path: Path) -> Float[ndarray, "time batch input"]:
    """Read the numbers of a `.npy` file, [time, input] or [time, batch, input].

    Raises:
        ConfigError: the file cannot be read, has another shape, or contains Python objects, Inf or NaN.
    """
    given = f"--inputs was {spelt_path(path)}"
    try:
        content = np.load(io.BytesIO(read_bounded(path, LARGEST_FILE)), allow_pickle=False)
    except OSError as error:
        reason = (error.strerror or "an unknown reason").lower()
        raise ConfigError(f"{given}; it must be noise, or a .npy file that can be read ({reason}).") from None
    except Exception:  # numpy raises what its readers raise: ValueError, EOFError, TokenError, BadZipFile, …
        raise ConfigError(f"{given}; it must be a whole .npy file of numbers, as numpy.save writes.") from None
    if not isinstance(content, ndarray) or content.dtype.kind not in "fiub":
        raise ConfigError(f"{given}; it must be a whole .npy file of numbers, as numpy.save writes.")
    inputs = content[:, None] if content.ndim == 2 else content
    if inputs.ndim != 3 or 0 in inputs.shape:
        raise ConfigError(
            f"{given}, of the shape {list(content.shape)}; it must be [time, input] or [time, batch, input]."
        )
    if not np.isfinite(inputs).all():
        raise ConfigError(f"{given}; it contains Inf or NaN, so replace these values.")
    return inputs

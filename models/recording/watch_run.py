"""The interface of a store for a watched training; `experiments.runs.module_run` is one."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from torch import nn

from models.recording.above import from_above
from models.recording.trace import Trace


@runtime_checkable
class TrainingRecord(Protocol):
    """A watched training on a disk. An error of the disk never stops the training."""

    def record(self, step: int, traces: Mapping[str, Sequence[Trace]]) -> None:
        """A recorded step: a module's name → one trace per call, of the modules that its backward pass reached."""

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Store the user's own numbers of a step.

        Raises:
            ValueError: names that cannot be kept, or too many.
        """

    def note(self, step: int, kind: str, text: str) -> None:
        """Store an event at a step, in words."""

    def close(self, step: int, error: BaseException | None) -> None:
        """End the run: normally, or because of an error."""


def open_record(
    run: str | Path,
    module: nn.Module,
    title: str | None,
    every: int,
    units: int | None,
    timesteps: int | None,
    samples: int | None,
) -> TrainingRecord:
    """A run folder that does not exist yet; it is made at the first recorded step.

    Raises:
        ValueError: a run cannot be kept there.
    """
    record: TrainingRecord = from_above("experiments.runs.module_run", "ModuleRun")(
        Path(run), title or type(module).__name__, every, units, timesteps, samples
    )
    return record

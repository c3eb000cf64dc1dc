"""Steer a run while it trains, by a small file in its folder that the trainer reads before each step.

The trainer writes the file when it starts. After that a page (or anybody) writes it, and the trainer only reads it.
"""

from dataclasses import asdict, dataclass, replace
from pathlib import Path

import orjson

from experiments.checked import STRICT, Count
from experiments.checked import checked as kinds_checked
from experiments.config.largest import LARGEST
from experiments.config.words import shortened
from experiments.errors import ConfigError
from experiments.runs.store.files import read_small, replace_quickly

CONTROL = "control.json"
LARGEST_CONTROL = 2**16
"""Most bytes of the file."""


@dataclass(frozen=True)
class Control:
    """The settings that people want now."""

    __pydantic_config__ = STRICT

    learning_rate: float
    clip_threshold: float | None
    """None for no clipping."""
    pause: bool = False
    stop: bool = False
    single_step: Count = 0
    """How many single steps were requested since the trainer started; a paused run takes one step for each."""


def read_control(folder: Path) -> Control | None:
    """Read the file; None if it is missing, not complete, or has values that are not allowed."""
    try:
        return checked(kinds_checked(Control, read_small(folder, CONTROL, LARGEST_CONTROL)))
    except ValueError:  # missing, not ours, no JSON, or what cannot be wanted
        return None


def write_control(folder: Path, control: Control) -> None:
    """Replace the whole file.

    Raises:
        ConfigError: the learning rate or the threshold is not allowed.
        OSError: the disk refuses.
    """
    replace_quickly(folder / CONTROL, orjson.dumps(asdict(checked(control))))


def change_control(folder: Path, **changes: object) -> Control:
    """Change some fields, keep the others, and return all.

    Raises:
        ConfigError: a value is not allowed, the run was never started, or the disk refuses.
    """
    now = read_control(folder)
    if now is None:
        raise ConfigError(f"run {folder.name} has no readable {CONTROL}; start or resume the run first.")
    control = checked(replace(now, **changes))  # type: ignore[arg-type]
    try:
        write_control(folder, control)
    except OSError as error:
        reason = (error.strerror or "an unknown reason").lower()
        raise ConfigError(f"run {folder.name} cannot be steered: its {CONTROL} cannot be written ({reason}).") from None
    return control


def single_step(folder: Path) -> Control:
    """Ask a paused run for one more step.

    Raises:
        ConfigError: the run was never started.
    """
    now = read_control(folder)
    return change_control(folder, single_step=1 + (now.single_step if now else 0))


def checked(control: Control) -> Control:
    """The control itself, if every value is allowed.

    Raises:
        ConfigError: a value is not allowed.
    """
    for name in ("learning_rate", "clip_threshold"):
        value = getattr(control, name)
        fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= LARGEST
        if not fits and not (value is None and name == "clip_threshold"):
            raise ConfigError(
                f"{name} was {shortened(value)}; it must be a number greater than 0 and at most {LARGEST:g}."
            )
    if type(control.single_step) is not int or control.single_step < 0:
        raise ConfigError(f"single_step was {shortened(control.single_step)}; it must be a whole number of at least 0.")
    for name in ("pause", "stop"):
        if not isinstance(getattr(control, name), bool):
            raise ConfigError(f"{name} was {shortened(getattr(control, name))}; it must be true or false.")
    return control


class Watch:
    """Read the control file whenever it has changed."""

    def __init__(self, folder: Path, control: Control) -> None:
        self.path, self.control = folder / CONTROL, control
        self.seen: tuple[int, int] = (0, 0)

    def poll(self) -> Control:
        """The present settings; the earlier ones if the file cannot be read."""
        try:
            stat = self.path.stat()
        except OSError:
            return self.control
        stamp = (stat.st_mtime_ns, stat.st_ino)
        if stamp != self.seen:
            self.seen = stamp
            self.control = read_control(self.path.parent) or self.control
        return self.control

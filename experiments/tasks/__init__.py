"""Every task by its name: a new task is one new file and one line of registration here."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from experiments.config.words import shortened
from experiments.errors import ConfigError
from experiments.tasks.adding import Adding
from experiments.tasks.copying import Copying
from experiments.tasks.next_character import NextCharacter
from experiments.tasks.reversal import Reversal
from experiments.tasks.task import LossPosition, Targets, Task
from experiments.tasks.temporal_order import TemporalOrder
from experiments.tasks.text import load_text


@runtime_checkable
class TaskSettings(Protocol):
    """The settings that a task may need; a `RunConfig` has them."""

    @property
    def task(self) -> str:
        """The task's name."""

    @property
    def text_file(self) -> str:
        """The source of the text, for tasks that read one."""


TASKS: dict[str, Callable[[TaskSettings], Task]] = {
    "adding": lambda settings: Adding(),
    "temporal_order": lambda settings: TemporalOrder(),
    "copying": lambda settings: Copying(),
    "reversal": lambda settings: Reversal(),
    "next_character": lambda settings: NextCharacter(load_text(settings.text_file)),
}

ASKS = {task.name: task.asks for task in (Adding, TemporalOrder, Copying, Reversal, NextCharacter)}
"""Task → the meaning of its accuracy, in words."""


def make_task(settings: TaskSettings) -> Task:
    """The task that a configuration names.

    Raises:
        ConfigError: an unknown task, or a text that cannot be read (see `load_text`).
    """
    if settings.task not in TASKS:
        raise ConfigError(f"task was {shortened(settings.task)}; it must be one of {', '.join(TASKS)}.")
    return TASKS[settings.task](settings)


__all__ = ["ASKS", "TASKS", "LossPosition", "Targets", "Task", "TaskSettings", "make_task"]

"""Every task by its name: a new task is one new file and one line of registration here."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from experiments.config.words import shortened
from experiments.errors import ConfigError
from experiments.tasks.adding import Adding
from experiments.tasks.ball import Ball
from experiments.tasks.captioning import Captioning
from experiments.tasks.copying import Copying
from experiments.tasks.delayed_xor import DelayedXor
from experiments.tasks.france import France
from experiments.tasks.labelled_texts import LabelledTexts
from experiments.tasks.latch import Latch
from experiments.tasks.multiplication import Multiplication
from experiments.tasks.next_character import NextCharacter
from experiments.tasks.noiseless_memorisation import NoiselessMemorisation
from experiments.tasks.own_class import OWN_CLASS, load_own_class
from experiments.tasks.parity import Parity
from experiments.tasks.random_permutation import RandomPermutation
from experiments.tasks.reversal import Reversal
from experiments.tasks.sentiment import Sentiment
from experiments.tasks.series import Series
from experiments.tasks.task import LossPosition, Targets, Task
from experiments.tasks.temporal_order import TemporalOrder
from experiments.tasks.text import load_text
from experiments.tasks.translation import Translation
from experiments.tasks.video import Video


@runtime_checkable
class TaskSettings(Protocol):
    """The settings that a task may need; a `RunConfig` has them."""

    @property
    def task(self) -> str:
        """The task's name."""

    @property
    def text_file(self) -> str:
        """The source of the text, for tasks that read one."""

    @property
    def data_file(self) -> str | None:
        """A file of the user's own data, for tasks that read one."""

    @property
    def data_column(self) -> str | None:
        """The column of a series that is predicted from the others."""

    @property
    def reverse_source(self) -> bool:
        """Whether the words of a translation's source stand backwards."""

    @property
    def delay(self) -> int | None:
        """The timesteps between two bits that are compared; None is the task's own."""


KINDS: tuple[tuple[type[Task], Callable[[TaskSettings], Task]], ...] = (
    (Adding, lambda settings: Adding()),
    (TemporalOrder, lambda settings: TemporalOrder()),
    (Copying, lambda settings: Copying()),
    (Multiplication, lambda settings: Multiplication()),
    (NoiselessMemorisation, lambda settings: NoiselessMemorisation()),
    (RandomPermutation, lambda settings: RandomPermutation()),
    (Latch, lambda settings: Latch()),
    (Parity, lambda settings: Parity()),
    (DelayedXor, lambda settings: DelayedXor(settings.delay)),
    (Reversal, lambda settings: Reversal()),
    (Translation, lambda settings: Translation(settings.reverse_source)),
    (France, lambda settings: France()),
    (Sentiment, lambda settings: LabelledTexts(settings.data_file) if settings.data_file else Sentiment()),
    (Captioning, lambda settings: Captioning()),
    (Ball, lambda settings: Ball()),
    (Video, lambda settings: Video()),
    (Series, lambda settings: Series(settings.data_file, settings.data_column)),
    (NextCharacter, lambda settings: NextCharacter(load_text(settings.text_file))),
)
"""Each kind of task and how a configuration makes it: the field's classic ones, those of language, and of vision."""

TASKS = {kind.name: make for kind, make in KINDS}
ASKS = {kind.name: kind.asks for kind, _ in KINDS}
"""Task → the meaning of its accuracy, in words."""
WITH_SOURCE = [kind.name for kind, _ in KINDS if kind.source is not Task.source]
"""Names of the tasks whose sequences are a source and its target."""
WITH_PICTURE = [kind.name for kind, _ in KINDS if kind.shows_picture]
"""Those of them whose source is a picture."""


def make_task(settings: TaskSettings) -> Task:
    """The task that a configuration names.

    Raises:
        ConfigError: an unknown task, a file that cannot be read (see `load_text`, `read_numbers`, `read_texts`), or a
            class of the user's own that may not run or is wrong (see `load_own_class`).
    """
    if OWN_CLASS.fullmatch(settings.task):
        return load_own_class(settings.task)
    if settings.task not in TASKS:
        raise ConfigError(f"task was {shortened(settings.task)}; it must be one of {', '.join(TASKS)}.")
    return TASKS[settings.task](settings)


__all__ = [
    "ASKS",
    "OWN_CLASS",
    "TASKS",
    "WITH_PICTURE",
    "WITH_SOURCE",
    "LossPosition",
    "Targets",
    "Task",
    "TaskSettings",
    "make_task",
]

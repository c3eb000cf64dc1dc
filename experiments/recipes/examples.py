"""A trained network's answers beside what was wanted, in words: right ones and wrong ones."""

from dataclasses import dataclass

from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from experiments.probing.answers import given_symbols, shown_picture, spoken
from experiments.recipes.measured import Answers
from experiments.tasks.next_character import NextCharacter
from experiments.tasks.translation import BLANK
from experiments.training.training import Training

MOST = 3
"""Examples of each kind, right and wrong."""
LONGEST = 240
"""Most characters of a text."""


@dataclass(frozen=True)
class Example:
    """One fresh sequence in words."""

    given: str
    wanted: str
    said: str
    right: bool
    picture: Float[ndarray, "row column colour"] | None = None
    """What the network sees, where it is a picture; `given` then says what is in its places."""


def examples_of(training: Training, answers: Answers) -> list[Example]:
    """The first right and the first wrong answers; few of a kind if there are few."""
    whole = answers.whole
    chosen = [k for kind in (whole, ~whole) for k in kind.nonzero().flatten()[:MOST].tolist()]
    return [example(training, answers, k) for k in chosen]


def example(training: Training, answers: Answers, k: int) -> Example:
    """Sequence k in its task's words: what the network reads, and the answers that are asked for."""
    task, source = training.task, training.task.source(training.config.seq_len)
    between = "" if isinstance(task, NextCharacter) else " "
    inputs = answers.inputs[:source, k]
    picture = shown_picture(task, inputs)
    read = [symbol for symbol in task.symbols(inputs) if symbol != BLANK]
    targets = answers.targets.transpose(1, 2) if answers.targets.ndim == 3 else answers.targets
    asked, said = answers.asked[:, k], spoken(task, answers.said)
    wanted = targets.reshape(said.shape)

    def in_words(values: Tensor) -> str:
        spelled = [", ".join(task.answer_word(value) for value in row) for row in values[asked, k].tolist()]
        return cut(between.join(f"({words})" if values.shape[-1] > 1 else words for words in spelled))

    return Example(
        given=cut(between.join(read if picture is None else given_symbols(task, inputs))),
        wanted=in_words(wanted),
        said=in_words(said),
        right=bool(answers.whole[k]),
        picture=picture,
    )


def cut(words: str) -> str:
    """A text, without its middle if it is long; where it has spaces, no word is cut."""
    if len(words) <= LONGEST:
        return words
    first, last = words[: LONGEST // 2], words[-LONGEST // 2 :]
    return f"{first.rpartition(' ')[0] or first} … {last.partition(' ')[2] or last}"

"""A trained network's answers beside what was wanted, in words: right ones and wrong ones."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from experiments.recipes.measured import Answers
from experiments.tasks import Task
from experiments.tasks.ball import AHEAD, Ball
from experiments.tasks.france import LANGUAGES, France
from experiments.tasks.next_character import NextCharacter
from experiments.tasks.number_words import END
from experiments.tasks.sentiment import Sentiment
from experiments.tasks.translation import BLANK, Translation
from experiments.tasks.video import WALLS, Video
from experiments.training.training import Training

MOST = 3
"""Examples of each kind, right and wrong."""
LONGEST = 400
"""Most characters of a text."""


@dataclass(frozen=True)
class Example:
    """One fresh sequence in words."""

    given: str
    wanted: str
    said: str
    right: bool


def examples_of(training: Training, answers: Answers) -> list[Example]:
    """The first right and the first wrong answers; few of a kind if there are few."""
    whole = answers.whole
    chosen = [k for kind in (whole, ~whole) for k in kind.nonzero().flatten()[:MOST].tolist()]
    describe = WORDS.get(type(training.task), in_symbols)
    made = []
    for k in chosen:
        given, wanted, said = (cut(words) for words in describe(training, answers, k))
        made.append(Example(given, wanted, said, bool(whole[k])))
    return made


def cut(words: str) -> str:
    """A text, without its middle if it is long."""
    return words if len(words) <= LONGEST else f"{words[: LONGEST // 2]} … {words[-LONGEST // 2 :]}"


Words = tuple[str, str, str]
"""What the network reads, what was wanted, and what it said."""


def in_symbols(training: Training, answers: Answers, k: int) -> Words:
    """The numbers of a sequence: symbols by their channel, other inputs as they are."""
    inputs, task = answers.inputs[:, k], training.task
    given = symbols(inputs) if is_one_hot(inputs) else [f"{value:.2g}" for value in inputs.flatten().tolist()]
    if answers.targets.is_floating_point():
        wanted = [f"{value:.3g}" for value in at(answers.targets, k).tolist()]
        said = [f"{value:.3g}" for value in answers.said[:, k].flatten().tolist()]
    else:
        wanted = [str(value) for value in at(answers.targets, k).tolist()]
        said = [str(value) for value in answers.said[:, k].argmax(-1).tolist()]
    names = getattr(task, "words", None)
    if names is not None and is_one_hot(inputs):
        given = [names[int(channel)] for channel in given]
    return " ".join(given), " ".join(wanted), " ".join(said)


def is_one_hot(inputs: Tensor) -> bool:
    """Whether each timestep has one channel of 1 and zeros."""
    return inputs.shape[-1] > 1 and bool(((inputs == 0) | (inputs == 1)).all() and (inputs.sum(-1) == 1).all())


def symbols(inputs: Tensor) -> list[str]:
    """The number of each timestep's channel."""
    return [str(channel) for channel in inputs.argmax(-1).tolist()]


def at(targets: Tensor, k: int) -> Tensor:
    """The targets of sequence k in a row: the only one, or those of each timestep."""
    return targets[..., k].reshape(-1)


def france(training: Training, answers: Answers, k: int) -> Words:
    """The sentences, and the two languages."""
    languages = list(LANGUAGES.values())
    words = in_symbols(training, answers, k)[0]
    return words, languages[int(answers.targets[k])], languages[int(answers.said[-1, k].argmax())]


def translation(training: Training, answers: Answers, k: int) -> Words:
    """The English words, the French ones, and the network's, each up to its first end sign."""
    words: tuple[str, ...] = training.task.words  # type: ignore[attr-defined]
    source = training.task.source(training.config.seq_len) or 0
    english = [words[channel] for channel in answers.inputs[:source, k].argmax(-1).tolist()]
    wanted, said = (
        phrase([words[index] for index in indices.tolist()])
        for indices in (answers.targets[:, k], answers.said[:, k].argmax(-1))
    )
    return " ".join(word for word in english if word != BLANK), wanted, said


def phrase(words: list[str]) -> str:
    """The words before the first end sign."""
    return " ".join(words[: words.index(END)] if END in words else words)


def next_character(training: Training, answers: Answers, k: int) -> Words:
    """The passage, the character that follows each of its last ones, and the likeliest one by the network."""
    vocabulary = training.task.text.vocabulary  # type: ignore[attr-defined]
    read, wanted, said = (
        "".join(vocabulary[index] for index in indices.tolist())
        for indices in (answers.inputs[:, k].argmax(-1), answers.targets[:, k], answers.said[:, k].argmax(-1))
    )
    return read, wanted, said


def sentiment(training: Training, answers: Answers, k: int) -> Words:
    """The sentence without the blanks before it, and the two ratings."""
    task = training.task
    words = task.words  # type: ignore[attr-defined]
    sentence = [words[channel] for channel in answers.inputs[:, k].argmax(-1).tolist()]
    ratings = ("bad", "good")
    wanted, said = int(answers.targets[k]), int(answers.said[-1, k].argmax())
    return " ".join(word for word in sentence if word != words[0]), ratings[wanted], ratings[said]


def video(training: Training, answers: Answers, k: int) -> Words:
    """How many frames there are, and the class of each in words."""
    frames = len(answers.inputs)
    wanted, said = (
        ", ".join(f"{WALLS[index // 2]}{' faster' if index % 2 else ''}" for index in indices.tolist())
        for indices in (answers.targets[:, k], answers.said[:, k].argmax(-1))
    )
    return f"{frames} frames", wanted, said


def ball(training: Training, answers: Answers, k: int) -> Words:
    """The last position that is seen, and the ten positions after it."""
    seen = answers.inputs[answers.inputs[:, k, 2] == 1, k, :2]
    wanted, said = (places(of[-AHEAD:]) for of in (answers.targets[..., k], answers.said[:, k]))
    return f"{len(seen)} noisy positions, the last {places(seen[-1:])}", wanted, said


def places(positions: Tensor) -> str:
    """Positions as pairs of numbers."""
    return " ".join(f"({x:.2f}, {y:.2f})" for x, y in positions.tolist())


WORDS: dict[type[Task], Callable[[Training, Answers, int], Words]] = {
    France: france,
    Translation: translation,
    NextCharacter: next_character,
    Sentiment: sentiment,
    Video: video,
    Ball: ball,
}
"""Kind of task → its sequences in words; symbols and numbers for the others."""

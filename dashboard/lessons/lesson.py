"""What a lesson is: a claim that the learner predicts, tests and sees decided. No Streamlit: it can all be tested."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from analysis.figures.picture import Picture
from dashboard.lessons.diagram import Diagram
from dashboard.lessons.question import Choices, Curve, Guess
from dashboard.lessons.statement import Statement
from experiments.config.run_config import RunConfig
from experiments.runs.store.reader import RunReader

Value: TypeAlias = float | str
Values: TypeAlias = Mapping[str, Value]
"""Control's key → where it stands: a float of a slider, an option's key of a choice."""


@dataclass(frozen=True)
class Slider:
    """A number under the hand: the picture follows while it is dragged."""

    key: str
    label: str
    minimum: float
    maximum: float
    value: float
    step: float
    logarithmic: bool = False
    help: str | None = None


@dataclass(frozen=True)
class Pick:
    """One of a few options."""

    key: str
    label: str
    options: Mapping[str, str]
    value: str


Control: TypeAlias = Slider | Pick


@dataclass(frozen=True, eq=False)
class Scene:
    """What the bench shows for its controls' values."""

    pictures: Mapping[str, Picture]
    """One or two; a key is a chart's name for life, so that it is redrawn in place."""
    words: str
    """What the numbers are now, in a few lines of Markdown (short: it stands beside the pictures)."""
    table: str = ""
    """A Markdown table beside the one picture of a lesson that needs it."""


@dataclass(frozen=True)
class Bench:
    """The *do* beat as data: controls, and a pure function from their values to what is seen, in under 0.5 s."""

    tasks: tuple[str, ...]
    """Two or three things to try, each ending in a question; `Verdict.answers` has the answers in this order."""
    controls: tuple[Control, ...]
    draw: Callable[[Values], Scene]

    @property
    def start(self) -> dict[str, Value]:
        """The values that the beat opens with."""
        return {control.key: control.value for control in self.controls}


@dataclass(frozen=True)
class Live:
    """The *do* beat of a lesson that trains, as data: the page starts runs, shows progress, cancels, finds them."""

    tasks: tuple[str, ...]
    controls: tuple[Pick, ...]
    """Each combination of their options is a setting, whose runs are known by their ids."""
    lanes: Callable[[Values], tuple[RunConfig, ...]]
    """The runs of a setting; they train in lockstep in a process of their own."""
    draw: Callable[[Sequence[RunReader]], Scene]
    """What is seen of those lanes that have committed something, at least one, in under 0.5 s."""

    @property
    def settings(self) -> list[dict[str, Value]]:
        """Every combination of the controls' options, the one that the beat opens with first."""
        options = [
            sorted(((c.key, option) for option in c.options), key=lambda chosen: chosen != (c.key, c.value))
            for c in self.controls
        ]
        return [dict(chosen) for chosen in itertools.product(*options)]


Truth = Literal["true", "half true", "false"]


@dataclass(frozen=True)
class Verdict:
    """What the measured numbers say of the claim."""

    truth: Truth
    was_true: tuple[Statement, ...]
    """What is right in the claim; one or two."""
    was_not: tuple[Statement, ...]
    """What is not; one or two, none only where all of it is true."""
    why: Statement
    """The reason, in one or two sentences; the lesson's equation stands below it."""
    answers: tuple[Statement, ...]
    """One for each of the bench's tasks, in their order."""
    on_this_machine: bool = False
    """Whether another machine may find another verdict: it rests on a clock, or on what was trained here."""

    @property
    def finding(self) -> str:
        """`half true`, or `half true on this machine`."""
        return f"{self.truth} on this machine" if self.on_this_machine else self.truth


Outcome = Literal["right", "partly", "wrong"]


@dataclass(frozen=True)
class Reply:
    """What is said to one prediction."""

    outcome: Outcome
    says: Statement


def outcome(found: Sequence[object], predicted: Sequence[object]) -> Outcome:
    """How a prediction of several things fared: right if all came so, partly if some did."""
    hits = sum(so == said for so, said in zip(found, predicted, strict=True))
    return "right" if hits == len(found) else ("partly" if hits else "wrong")


@dataclass(frozen=True)
class Equation:
    """The one equation of a lesson."""

    latex: str
    plain: str
    """The same in Unicode, for the handout, which has no script."""
    symbols: str
    """What each symbol means: `w: the weight; h_T: the last state`."""


M = TypeVar("M")


@dataclass(frozen=True)
class Lesson(Generic[M]):
    """One experiment in three beats: predict, do, decide. M is the frozen dataclass that `measure` returns."""

    number: int
    """Its place on the suggested path, and its address: `?lesson=3`."""
    title: str
    about: str
    """One line below the title on the path."""
    claim: str
    """In the source's words, or as it is commonly said."""
    source: str
    """Who claims it, in the words of `sources.py`: the lecture slides, and papers with author, title and year."""
    diagram: Diagram
    """The network that the question is about."""
    question: Choices | Curve
    bench: Bench | Live
    measure: Callable[[], M]
    """The numbers of the verdict, from the engine, in under 2 s; kept by the page, of a `Live` lesson until a run of
    its lanes has gone on. With those runs, `decide` and `reply` must find true words for whatever came out."""
    decide: Callable[[M], Verdict]
    reply: Callable[[M, Guess], Reply]
    evidence: Callable[[M, Guess | None], Picture]
    """The picture beside the verdict; with a curve, what was drawn against what is so."""
    equation: Equation


AnyLesson: TypeAlias = Lesson[Any]

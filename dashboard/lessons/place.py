"""A learner's place and predictions as they stand in the page's address."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from dashboard.lessons.lesson import AnyLesson, Control, Pick, Value
from dashboard.lessons.question import Guess
from dashboard.server.checks import read_number, read_word

Beat = Literal["predict", "do", "decide"]
BEATS: tuple[Beat, ...] = get_args(Beat)


@dataclass(frozen=True)
class Place:
    """A lesson's beat, or the path of all lessons."""

    lesson: int | None = None
    beat: Beat = "predict"

    @property
    def parameters(self) -> dict[str, str]:
        """As it stands in the address."""
        return {} if self.lesson is None else {"lesson": str(self.lesson), "beat": self.beat}


def read_place(parameters: Mapping[str, str], lessons: Mapping[int, AnyLesson]) -> tuple[Place, list[str]]:
    """What is valid of a link, and a few words for each part that is not."""
    wrong: list[str] = []
    text = parameters.get("lesson")
    number = int(text) if text is not None and re.fullmatch(r"[0-9]{1,2}", text) else None
    if text is not None and number not in lessons:
        return Place(), [f"lesson was {text[:40]!r}; it must be one of {', '.join(map(str, lessons))}"]
    if number is None:
        return Place(), []
    beat = parameters.get("beat", "predict")
    if beat not in BEATS:
        wrong.append(f"beat was {beat[:40]!r}; it must be one of {', '.join(BEATS)}")
    return Place(number, beat if beat in BEATS else "predict"), wrong


def read_guesses(text: str, lessons: Mapping[int, AnyLesson]) -> tuple[dict[int, Guess], list[str]]:
    """Lesson → prediction, of a link's `3b~4a`; and a few words for each part that is not valid."""
    guesses: dict[int, Guess] = {}
    wrong: list[str] = []
    for part in filter(None, text.split("~")[: 2 * len(lessons)]):
        match = re.fullmatch(r"([0-9]{1,2})([a-z].*)", part)
        if match is None or int(match[1]) not in lessons:
            wrong.append(f"guess was {part[:40]!r}; it must be a lesson's number and its answer, as 3b")
            continue
        try:
            guesses[int(match[1])] = lessons[int(match[1])].question.read(match[2])
        except ValueError as allowed:
            wrong.append(f"guess was {part[:40]!r}; it must be {match[1]} and {allowed}")
    return guesses, wrong


def write_guesses(guesses: Mapping[int, Guess], lessons: Mapping[int, AnyLesson]) -> str:
    """All predictions as they stand in a link."""
    return "~".join(f"{number}{lessons[number].question.write(guesses[number])}" for number in sorted(guesses))


def read_controls(text: str, lesson: AnyLesson) -> tuple[dict[str, Value], list[str]]:
    """Where the controls of a lesson's bench stand, of a link's `gain:1.5~cell:lstm`; and what is not valid of it."""
    controls = {control.key: control for control in lesson.bench.controls}
    values: dict[str, Value] = {}
    wrong: list[str] = []
    for part in filter(None, text.split("~")[: 2 * len(controls)]):
        key, _, given = part.partition(":")
        try:
            values[key] = _read_control(given, controls.get(key), controls)
        except ValueError as allowed:
            wrong.append(f"set was {part[:40]!r}; it must be {allowed}")
    return values, wrong


def _read_control(given: str, control: Control | None, known: Collection[str]) -> Value:
    if control is None:
        raise ValueError(f"one of {', '.join(known)}, a colon and a value")
    if isinstance(control, Pick):
        return read_word(given, control.options)
    return read_number(given, control.minimum, control.maximum)


def write_controls(values: Mapping[str, Value], lesson: AnyLesson) -> str:
    """The controls that do not stand where the beat opens, as they stand in a link."""
    start = {control.key: control.value for control in lesson.bench.controls}
    return "~".join(f"{key}:{value}" for key, value in values.items() if value != start.get(key))

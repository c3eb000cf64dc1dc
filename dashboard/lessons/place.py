"""A learner's place and predictions as they stand in the page's address."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from dashboard.lessons.lesson import AnyLesson
from dashboard.lessons.question import Guess

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
        return Place(), [f"lesson was {text[:40]!r}, allowed is {', '.join(map(str, lessons))}"]
    if number is None:
        return Place(), []
    beat = parameters.get("beat", "predict")
    if beat not in BEATS:
        wrong.append(f"beat was {beat[:40]!r}, allowed is {', '.join(BEATS)}")
    return Place(number, beat if beat in BEATS else "predict"), wrong


def read_guesses(text: str, lessons: Mapping[int, AnyLesson]) -> tuple[dict[int, Guess], list[str]]:
    """Lesson → prediction, of a link's `3b~4a`; and a few words for each part that is not valid."""
    guesses: dict[int, Guess] = {}
    wrong: list[str] = []
    for part in filter(None, text.split("~")[: 2 * len(lessons)]):
        match = re.fullmatch(r"([0-9]{1,2})([a-z].*)", part)
        if match is None or int(match[1]) not in lessons:
            wrong.append(f"guess was {part[:40]!r}, allowed is a lesson's number and its answer, as 3b")
            continue
        try:
            guesses[int(match[1])] = lessons[int(match[1])].question.read(match[2])
        except ValueError as allowed:
            wrong.append(f"guess was {part[:40]!r}, allowed is {match[1]} and {allowed}")
    return guesses, wrong


def write_guesses(guesses: Mapping[int, Guess], lessons: Mapping[int, AnyLesson]) -> str:
    """All predictions as they stand in a link."""
    return "~".join(f"{number}{lessons[number].question.write(guesses[number])}" for number in sorted(guesses))

"""The pictures of what a room predicted: live while it predicts, and against what is so once it decides."""

from collections import Counter

import numpy as np

from analysis.figures.picture import Picture
from analysis.figures.predictions import add_curves, answers_picture, curves_picture
from analysis.wording import power_of_ten
from dashboard.lessons.lesson import AnyLesson
from dashboard.lessons.question import Choices, Curve, read_drawn_values
from dashboard.room.room import View


def predicting_picture(lesson: AnyLesson, view: View) -> Picture:
    """What is predicted so far; nothing in it tells what is right."""
    question = lesson.question
    title = f"{view.predicted} predicted so far"
    if isinstance(question, Choices):
        return answers_picture(title, list(question.answers.values()), _counts(question, view))
    drawn = _curves(question, view)
    if len(drawn):
        title += f"; the middle one: {power_of_ten(float(np.median(drawn[:, -1])))} after {question.lags[-1]} steps"
    return curves_picture(
        title, question.lags, drawn, question.x_title, question.y_title,
        (question.lowest, question.highest),
    )  # fmt: skip


def decided_picture(lesson: AnyLesson, numbers: object, view: View) -> Picture:
    """What was predicted against what was measured; a student's own curve is named."""
    question = lesson.question
    if isinstance(question, Curve):
        return add_curves(lesson.evidence(numbers, view.own), question.lags, _curves(question, view))
    keys = list(question.answers)
    right = next((k for k, key in enumerate(keys) if lesson.reply(numbers, key).outcome == "right"), None)
    counts = _counts(question, view)
    title = f"{0 if right is None else counts[right]} of {sum(counts)} predicted it"
    return answers_picture(title, list(question.answers.values()), counts, right)


def _counts(question: Choices, view: View) -> list[int]:
    found = Counter(map(str, view.guesses))
    return [found[key] for key in question.answers]


def _curves(question: Curve, view: View) -> np.ndarray:
    """log₁₀ of what each person drew, [person, lag]."""
    return np.array([read_drawn_values(guess) for guess in view.guesses], float).reshape(-1, len(question.lags))

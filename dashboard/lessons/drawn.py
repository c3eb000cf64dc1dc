"""A drawn prediction beside what was recorded."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from analysis.figures.lags import LagLine
from analysis.figures.theme import OTHER_COLOURS
from analysis.numbers import LN_10
from dashboard.lessons.lesson import Reply
from dashboard.lessons.question import Curve, Guess, read_drawn_values
from dashboard.lessons.statement import says

CLOSE, NEAR = 0.75, 2.5
"""Decades on average within which a drawing is right, and in part right."""


def drawn_reply(question: Curve, guess: Guess, recorded: Float[ndarray, " lag"]) -> Reply:
    """How far the drawn points lie from the recorded line (ln of what is left at lag 0, 1, …, nats)."""
    off = np.array(read_drawn_values(guess)) - recorded[list(question.lags)] / LN_10
    error = float(np.mean(np.abs(off)))
    if error <= CLOSE:
        template = "Your points are only {error} decades (factors of ten) away from the recorded line on average."
        return Reply("right", says(template, error <= CLOSE, error=error))
    far = "too large" if float(np.mean(off)) > 0 else "too small"
    template = "Your points are {error} decades (factors of ten) away from the recorded line on average. "
    template += f"You predicted a gradient that is {far}."
    return Reply("partly" if error <= NEAR else "wrong", says(template, error > CLOSE, error=error))


def drawn_line(question: Curve, guess: Guess | None) -> list[LagLine]:
    """The drawn points as a line of a lag picture; none where nothing was drawn."""
    if guess is None:
        return []
    lags, log = np.array([0.0, *question.lags]), np.array([0.0, *read_drawn_values(guess)]) * LN_10
    return [LagLine("your prediction", lags, log, OTHER_COLOURS[1], marks=True)]

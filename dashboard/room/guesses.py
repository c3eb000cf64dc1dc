"""A prediction as a browser sends it, checked against the lesson's question."""

from dashboard.lessons.question import Choices, Curve, Guess
from dashboard.room.errors import RoomError
from dashboard.server.checks import read_number, read_word, shorten_value


def read_guess(question: Choices | Curve, given: object) -> Guess:
    """One of the question's answers, or its curve's values, rounded as a key would.

    Raises:
        RoomError: anything else.
    """
    try:
        if isinstance(question, Choices):
            return read_word(given, question.answers)
        if not isinstance(given, list | tuple) or len(given) != len(question.lags):
            raise ValueError(f"{len(question.lags)} numbers from {question.lowest:g} to {question.highest:g}")
        return tuple(question.rounded(read_number(value, question.lowest, question.highest)) for value in given)
    except ValueError as allowed:
        raise RoomError(f"The prediction was {shorten_value(given)}; it must be {allowed}.") from None

"""One question of a drag, and its answer, both JSON: from the values under the hand to charts and words."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from dashboard.server.labs import labs

if TYPE_CHECKING:
    from dashboard.frame import Frame

LARGEST_QUESTION = 64 * 2**10
"""Bytes of a question: a state with 512 singular values is a sixth of it."""
MOST_CHARTS = 32
"""Charts of a question: a page has fewer."""

FORM = "A question must be JSON with lab, state, charts (each key once) and words (true or false)."
FAILED = "These charts could not be computed. The server's terminal shows why."


class QuestionError(ValueError):
    """What was asked is no question; its message is one sentence."""


@dataclass(frozen=True)
class Question:
    """What a page asks while something is dragged."""

    lab: str
    state: Mapping[str, object]
    """The values that the browser has, of any type."""
    charts: tuple[str, ...]
    """Keys of the charts that can be seen."""
    words: bool


def read_question(text: str | bytes) -> Question:
    """The question that a browser sends.

    Raises:
        QuestionError: the text is anything else, or too long.
    """
    if len(text) > LARGEST_QUESTION:
        raise QuestionError(f"The question was too long; at most {LARGEST_QUESTION:,} bytes are read.")
    try:
        asked: Any = orjson.loads(text)
    except ValueError:  # nested too deeply, too
        raise QuestionError(FORM) from None
    if not isinstance(asked, dict):
        raise QuestionError(FORM)
    lab, state, charts, words = (asked.get(name) for name in ("lab", "state", "charts", "words"))
    if not isinstance(lab, str) or lab not in labs() or not isinstance(state, dict) or not isinstance(words, bool):
        raise QuestionError(FORM)
    if not isinstance(charts, list) or len(charts) > MOST_CHARTS or not all(isinstance(key, str) for key in charts):
        raise QuestionError(FORM)
    if len(set(charts)) < len(charts):
        raise QuestionError(FORM)
    return Question(lab, state, tuple(charts), words)


def answer_question(text: str | bytes) -> bytes:
    """The answer: JSON with `charts` by their keys and `words`, or with an `error` in a sentence."""
    from experiments.errors import ConfigError

    try:
        question = read_question(text)
        return encode_answer(question, labs()[question.lab](question.state))
    except (QuestionError, ConfigError) as error:
        return orjson.dumps({"error": str(error)})
    except Exception:
        logging.getLogger(__name__).exception("A question of a live page failed.")
        return orjson.dumps({"error": FAILED})


def encode_answer(question: Question, shown: "Frame") -> bytes:
    """The wanted charts and words of what is shown."""
    from dashboard.components.live_chart.component import encode_chart

    pictures = {key: shown.pictures[key]() for key in question.charts if key in shown.pictures}
    drawn = {key: orjson.Fragment(encode_chart(p.made, key=key, alt=p.alt)) for key, p in pictures.items()}
    return orjson.dumps({"charts": drawn, "words": shown.words() if question.words else None})

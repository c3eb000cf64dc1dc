"""Answers of a network as HTML of our own: what it said over what was wanted, and a mark for right and wrong."""

from collections.abc import Sequence
from html import escape

from experiments.config.words import visible
from experiments.probing.said import Answer, Exchange

RULES = """<style>
.said { font-size: 0.9rem; line-height: 1.5; overflow-wrap: anywhere; }
.said > div { margin-bottom: 0.6rem; }
.said .given { opacity: 0.85; margin-right: 0.5rem; }
.said .answer { display: inline-block; text-align: center; padding: 0 0.15rem; margin: 0 1px; border-radius: 0.25rem;
  vertical-align: top; white-space: pre; }
.said .right { background: rgba(0, 158, 115, 0.16); border-bottom: 2px solid #009e73; }
.said .wrong { background: rgba(213, 94, 0, 0.16); border-bottom: 2px dashed #d55e00; }
.said .wanted { display: block; font-size: 0.8rem; }
</style>"""
KEY = "Solid green: right. Dashed orange: wrong, with the wanted answer below it."


def said_html(exchanges: Sequence[Exchange]) -> str:
    """The exchanges, one block each."""
    return f"{RULES}<div class='said'>{''.join(f'<div>{_block(one)}</div>' for one in exchanges)}</div>"


def _block(exchange: Exchange) -> str:
    given = " ".join(exchange.given) + " → "
    return f"<span class='given'>{_safe(given)}</span>" + "".join(map(_answer, exchange.answers))


def _answer(answer: Answer) -> str:
    if answer.right:
        return f"<span class='answer right' title='right'>{_safe(answer.said)}</span>"
    wanted = f"<span class='wanted'>{_safe(answer.wanted)}</span>"
    title = f"wrong: {_safe(answer.wanted)} is wanted"
    return f"<span class='answer wrong' title='{title}'>{_safe(answer.said)}{wanted}</span>"


def _safe(text: str) -> str:
    return escape(visible(text), quote=True)


def describe_right(exchanges: Sequence[Exchange]) -> str:
    """How many answers are right."""
    answers = [answer for exchange in exchanges for answer in exchange.answers]
    return f"{sum(answer.right for answer in answers)} of {len(answers)} answers are right"

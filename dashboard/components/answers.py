"""Answers of a network as HTML of our own: what it said over what was wanted, and a mark for right and wrong.

A caption stands under its picture.
"""

from collections.abc import Sequence
from html import escape

from analysis.figures.png import png_address
from experiments.config.words import visible
from experiments.probing.answers import Answer, Exchange

RULES = """<style>
.said { font-size: 0.9rem; line-height: 1.5; overflow-wrap: anywhere; }
.said > div { margin-bottom: 0.6rem; }
.said .given { opacity: 0.85; margin-right: 0.5rem; }
.said .answer { display: inline-block; text-align: center; padding: 0 0.15rem; margin: 0 1px; border-radius: 0.25rem;
  vertical-align: top; white-space: pre; }
.said .right { background: rgba(0, 158, 115, 0.16); border-bottom: 2px solid #009e73; }
.said .wrong { background: rgba(213, 94, 0, 0.16); border-bottom: 2px dashed #d55e00; }
.said .wanted { display: block; font-size: 0.8rem; }
.said .captioned { display: inline-block; width: 17rem; max-width: 100%; margin-right: 1rem;
  vertical-align: top; }
.said .shown { display: block; width: 7.5rem; margin-bottom: 0.3rem; image-rendering: pixelated; }
</style>"""
KEY = "Solid green: right. Dashed orange: wrong, with the wanted answer below it."


def answers_html(exchanges: Sequence[Exchange]) -> str:
    """The exchanges, one block each."""
    return f"{RULES}<div class='said'>{''.join(map(_block, exchanges))}</div>"


def _block(exchange: Exchange) -> str:
    answers, given = "".join(map(_answer, exchange.answers)), _safe(" ".join(exchange.given))
    if exchange.picture is not None:
        image = f"<img class='shown' src='{png_address(exchange.picture)}' alt='Picture: {given}'>"
        return f"<div class='captioned'>{image}{answers}</div>"
    return f"<div><span class='given'>{given} → </span>{answers}</div>"


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
    right, answers = count_right(exchanges)
    if answers == 1:
        return f"the one answer is {'right' if right else 'wrong'}"
    return f"{right} of {answers} answers are right"


def count_right(exchanges: Sequence[Exchange]) -> tuple[int, int]:
    """How many answers are right, and how many there are."""
    answers = [answer for exchange in exchanges for answer in exchange.answers]
    return sum(answer.right for answer in answers), len(answers)

"""How many answers are right, in words."""

import pytest

from dashboard.components.answers import count_right, describe_right
from experiments.probing.answers import Answer, Exchange

RIGHT, WRONG = Answer("a", "a", True), Answer("b", "a", False)


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ((RIGHT,), "the one answer is right"),
        ((WRONG,), "the one answer is wrong"),
        ((RIGHT, WRONG, RIGHT), "2 of 3 answers are right"),
    ],
)
def test_the_count_is_a_sentence(answers, words):
    exchanges = [Exchange((), answers[:1]), Exchange((), answers[1:])]
    assert describe_right(exchanges) == words
    assert count_right(exchanges) == (sum(answer.right for answer in answers), len(answers))

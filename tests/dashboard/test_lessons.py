"""Every lesson, whatever it teaches: its words and its numbers agree, in its verdict, on its page and in print."""

import ast
import inspect
import itertools
import re
from dataclasses import replace
from html import escape
from html.parser import HTMLParser

import pytest
from learning import EACH, at_beat, guesses, measured, picture_is_whole, words

from dashboard.lessons import lesson_12_for_real
from dashboard.lessons.diagram import HEIGHT, WIDTH
from dashboard.lessons.handout import write_handout, write_html
from dashboard.lessons.question import Choices
from dashboard.lessons.registry import LESSONS
from dashboard.lessons.statement import Statement, says

pytestmark = pytest.mark.usefixtures("runs")


def statements(lesson):
    verdict = lesson.decide(measured(lesson))
    replies = [lesson.reply(measured(lesson), guess).says for guess in guesses(lesson)]
    return [*verdict.was_true, *verdict.was_not, verdict.why, *verdict.answers, *replies]


@EACH
def test_every_statement_is_borne_out_by_its_numbers(lesson):
    for statement in statements(lesson):
        assert statement.holds, statement.words
        assert statement.words.endswith((".", "!")), statement.words


NAMES = re.compile(
    r"\{[^}]*\}|\$[^$]*\$|`[^`]*`|slides \d+|\b(19|20)\d\d\b|Figs?\. \d+|eqs?\. \d+|§[\d.]+|float(32|64)|[A-Za-z]_?\d\b"
)


@EACH
def test_no_number_is_typed_into_a_statement(lesson):
    for statement in statements(lesson):
        left = re.sub(r"\b[01]\b", "", NAMES.sub("", statement.template))
        assert not re.search(r"\d", left), statement.template
        fields = set(re.findall(r"\{(\w+)", statement.template))
        assert fields == set(statement.numbers), statement.template


@EACH
def test_no_statement_is_true_by_decree(lesson):
    tree = ast.parse(inspect.getsource(inspect.getmodule(lesson.measure)))
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "says"]
    assert calls
    for call in calls:
        assert not isinstance(call.args[1], ast.Constant), ast.unparse(call)
    assert not any(isinstance(n, ast.Call) and getattr(n.func, "id", "") == "Statement" for n in ast.walk(tree))


def test_a_statement_writes_its_numbers():
    said = says("{a} {b:whole} {c:share} {d:signed} {e:decades} {f:rate}.", 1 < 2, a=0.12345, b=1234.5, c=0.1, d=0.5,
                e=-12.5, f=-0.5)  # fmt: skip
    assert said.words == "0.123 1,234 10\xa0% +0.5 3.2×10⁻¹³ ×0.607 per step (−0.5 nats)."
    with pytest.raises(ValueError, match="form of a number"):
        _ = Statement("{a:.3f}", True, {"a": 1.0}).words


@EACH
def test_the_verdict_is_whole(lesson):
    verdict = lesson.decide(measured(lesson))
    assert len(verdict.answers) == len(lesson.bench.tasks)
    assert 2 <= len(lesson.bench.tasks) <= 3
    assert 1 <= len(verdict.was_true) <= 2
    assert len(verdict.was_not) <= 2
    assert (verdict.truth == "true") == (not verdict.was_not)
    outcomes = [lesson.reply(measured(lesson), guess).outcome for guess in guesses(lesson)]
    if isinstance(lesson.question, Choices):
        assert outcomes.count("right") == 1
        assert 2 <= len(outcomes) <= 4
    else:
        assert "wrong" in outcomes


@EACH
def test_the_evidence_is_drawn_whole_for_every_prediction(lesson):
    for guess in (None, *guesses(lesson)):
        picture_is_whole(lesson.evidence(measured(lesson), guess))


def test_lesson_12_has_true_words_for_whatever_comes_out():
    lesson, m = lesson_12_for_real.LESSON, measured(lesson_12_for_real.LESSON)
    pair = m.pair
    ends = [replace(pair.unclipped, solved=solved) for solved in (False, True)]
    possible = [replace(pair, unclipped=a, clipped=b, length=30) for a in ends for b in ends]
    for n in (1, 2, 4):
        for pairs in itertools.combinations(possible, n):
            verdict = lesson.decide(replace(m, pairs=pairs))
            said = (*verdict.was_true, *verdict.was_not, verdict.why, *verdict.answers)
            assert all(s.holds for s in said), [s.words for s in said]
            assert (verdict.truth == "true") == (not verdict.was_not)
            helped = [p for p in pairs if p.found == (False, True)]
            assert verdict.truth == ("true" if len(helped) == n else "half true" if helped else "false")


@EACH
def test_each_beat_opens_with_each_prediction(lesson):
    for guess in (None, *guesses(lesson)):
        at = at_beat(lesson, "predict", guess)
        assert lesson.claim in words(at)
        assert ("Your prediction is saved." in words(at)) == (guess is not None)
        at = at_beat(lesson, "decide", guess)
        verdict = lesson.decide(measured(lesson))
        for statement in (*verdict.was_true, *verdict.was_not, verdict.why):
            assert statement.words in words(at)
        assert f"The claim: {verdict.finding.capitalize()}." in words(at)
        assert lesson.equation.symbols in words(at)
        if guess is None:
            assert "You have made no prediction" in words(at)
        else:
            assert lesson.reply(measured(lesson), guess).says.words in words(at)
    at = at_beat(lesson, "do")
    assert "You have made no prediction yet" in words(at)
    assert lesson.bench.tasks[0] in words(at)


@EACH
def test_the_network_is_drawn_within_its_frame_and_said_in_words(lesson):
    diagram = lesson.diagram
    assert diagram.says.endswith(".")
    for node in diagram.nodes:
        assert node.half_width <= node.x <= WIDTH - node.half_width, node
        assert 0 < node.y < HEIGHT, node
    assert all(0 < x < WIDTH for x in diagram.cuts)
    svg = diagram.write_svg()
    assert svg.count("marker-end") == len(diagram.arrows)
    assert escape(diagram.says) in svg


@EACH
def test_a_source_has_a_year_and_a_symbol_its_meaning(lesson):
    assert re.search(r"\b(19|20)\d\d\b", lesson.source)
    assert all(": " in part for part in lesson.equation.symbols.split(". ")), lesson.equation.symbols


def test_a_verdict_that_rests_on_this_machine_says_so():
    said = {lesson.number for lesson in LESSONS if lesson.decide(measured(lesson)).finding.endswith("on this machine")}
    assert said == {9, 12}


@EACH
def test_nothing_is_given_away_before_the_prediction(lesson):
    shown = words(at_beat(lesson, "predict"))
    verdict = lesson.decide(measured(lesson))
    for statement in (*verdict.was_true, *verdict.was_not, verdict.why, *verdict.answers):
        assert statement.words not in shown


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.seen = [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@EACH
@pytest.mark.parametrize("answers", [False, True])
def test_handouts_are_whole_pages_without_scripts(lesson, answers):
    html = write_handout(lesson, answers)
    tags = Tags()
    tags.feed(html)
    assert tags.open == []
    assert html.startswith("<!DOCTYPE html>")
    assert "script" not in tags.seen
    assert "http" not in html
    assert write_html(lesson.claim) in html
    assert escape(lesson.diagram.says) in html
    assert write_html(lesson.question.asks) in html
    for task in lesson.bench.tasks:
        assert write_html(task) in html
    if isinstance(lesson.question, Choices):
        assert all(write_html(words) in html for words in lesson.question.answers.values())
    verdict = lesson.decide(measured(lesson))
    for statement in (*verdict.was_true, *verdict.was_not, verdict.why, *verdict.answers):
        assert (write_html(statement.words) in html) == answers
    assert len(re.sub(r"<[^>]*>|\s+", " ", html.partition("<body>")[2])) < 5000, "more than a page"

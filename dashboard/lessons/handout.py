"""One page to print: a lesson's questions, or its answers."""

import re
from html import escape

from dashboard.lessons.lesson import AnyLesson, Verdict
from dashboard.lessons.question import Curve

STYLE = """
@page { size: A4; margin: 14mm 16mm; }
body { font: 11pt/1.38 system-ui, sans-serif; color: #1d2230; max-width: 178mm; margin: 0 auto; }
h1 { font-size: 17pt; margin: 0 0 2mm; }
h2 { font-size: 11.5pt; margin: 4mm 0 1mm; border-bottom: 0.3mm solid #8a8f9c; overflow: hidden; }
blockquote { margin: 2mm 0; padding-left: 4mm; border-left: 1mm solid #4c46b6; }
ol, ul { margin: 1mm 0; padding-left: 6mm; }
p { margin: 2mm 0; }
li { margin: 1mm 0; }
ul.boxes { list-style: "☐  "; }
.line { border-bottom: 0.2mm solid #8a8f9c; height: 7mm; }
.quiet { color: #555b6a; font-size: 9.5pt; }
.equation { text-align: center; font-family: "Cambria Math", "STIX Two Math", serif; font-size: 13pt; }
svg { width: 100%; overflow: visible; }
.diagram { float: right; width: 62mm; margin: 0 0 2mm 6mm; }
.axes { width: 110mm; }
"""


def write_handout(lesson: AnyLesson, answers: bool) -> str:
    """The lesson's handout as a whole HTML page without scripts; `answers` measures what the lesson measures."""
    verdict = lesson.decide(lesson.measure()) if answers else None
    name = "answers" if answers else "questions"
    body = "\n".join([
        f"<h1>{lesson.number} · {escape(lesson.title)}</h1>",
        f'<p class="quiet">{escape(lesson.about)} Gradient Flow Lab, {name}.</p>',
        f'<div class="diagram">{lesson.diagram.write_svg()}</div>',
        "<h2>The claim</h2>",
        f"<blockquote>{write_html(lesson.claim)}</blockquote>",
        f'<p class="quiet">Source: {write_html(lesson.source)}.</p>',
        "<h2>1 Predict</h2>",
        f"<p>{write_html(lesson.question.asks)}</p>",
        _write_predict(lesson, answers),
        "<h2>2 Do</h2>",
        _write_do(lesson, verdict),
        "<h2>3 Decide</h2>",
        _write_decide(lesson, verdict),
    ])  # fmt: skip
    head = f'<meta charset="utf-8">\n<title>{escape(lesson.title)}: {name}</title>\n<style>{STYLE}</style>'
    return f'<!DOCTYPE html>\n<html lang="en">\n<head>\n{head}\n</head>\n<body>\n{body}\n</body>\n</html>\n'


def _write_predict(lesson: AnyLesson, answers: bool) -> str:
    """Boxes to tick, what is to be said to each; or axes to draw on."""
    question = lesson.question
    if isinstance(question, Curve):
        return _draw_axes(question)
    if not answers:
        items = "".join(f"<li>{write_html(words)}</li>" for words in question.answers.values())
        return f'<ul class="boxes">{items}</ul>'
    measured = lesson.measure()
    replies = {key: lesson.reply(measured, key) for key in question.answers}
    marks = {"right": "✓", "partly": "½", "wrong": "✗"}
    items = "".join(
        f"<li>{marks[replies[key].outcome]} {write_html(words)} <em>{write_html(replies[key].says.words)}</em></li>"
        for key, words in question.answers.items()
    )
    return f"<ul>{items}</ul>"


def _write_do(lesson: AnyLesson, verdict: Verdict | None) -> str:
    """The tasks, each with a line to write on or its answer."""
    if verdict is None:
        items = [f'<li>{write_html(task)}<div class="line"></div></li>' for task in lesson.bench.tasks]
    else:
        pairs = zip(lesson.bench.tasks, verdict.answers, strict=True)
        items = [f"<li>{write_html(task)}<br><em>{write_html(answer.words)}</em></li>" for task, answer in pairs]
    return f"<ol>{''.join(items)}</ol>"


def _write_decide(lesson: AnyLesson, verdict: Verdict | None) -> str:
    """What was true, what was not, and why: to be filled in, or said."""
    if verdict is None:
        lines = '<div class="line"></div>' * 2
        return "".join(f"<p>{words}</p>{lines}" for words in ("True in the claim:", "Not true:", "Why:"))
    parts = [f"<p><strong>The claim is {verdict.finding}.</strong></p>"]
    for words, statements in (("True in the claim", verdict.was_true), ("Not true", verdict.was_not)):
        items = "".join(f"<li>{write_html(s.words)}</li>" for s in statements)
        parts.append(f"<p>{words}:</p><ul>{items}</ul>" if items else "")
    parts.append(f"<p>Why: {write_html(verdict.why.words)}</p>")
    parts.append(f'<p class="equation">{escape(lesson.equation.plain)}</p>')
    parts.append(f'<p class="quiet">{write_html(lesson.equation.symbols)}.</p>')
    return "".join(parts)


def _draw_axes(question: Curve) -> str:
    """Empty axes to draw on with a pencil."""
    left, right, top, bottom = 60, 590, 10, 190
    low, high = question.lowest, question.highest

    def x(lag: float) -> float:
        return left + (right - left) * lag / question.lags[-1]

    def y(value: float) -> float:
        return top + (bottom - top) * (high - value) / (high - low)

    decades = [v for v in range(int(low), int(high) + 1) if v % max(1, round((high - low) / 6)) == 0]
    grid = [f'<path d="M{left} {y(v):.1f}H{right}" stroke="#ccc"/>' for v in decades]
    grid += [f'<path d="M{x(lag):.1f} {top}V{bottom}" stroke="#ccc"/>' for lag in (0, *question.lags)]
    words = [
        f'<text x="{left - 6}" y="{y(v) + 4:.1f}" text-anchor="end">{"1" if v == 0 else f"10{_superscript(v)}"}</text>'
        for v in decades
    ]
    words += [
        f'<text x="{x(lag):.1f}" y="{bottom + 16}" text-anchor="middle">{lag}</text>' for lag in (0, *question.lags)
    ]
    middle = (left + right) / 2
    words.append(f'<text x="{middle}" y="{bottom + 34}" text-anchor="middle">{escape(question.x_title)}</text>')
    dot = f'<circle cx="{left}" cy="{y(0):.1f}" r="4"/>'
    title = f"<title>Axes for {escape(question.y_title)}</title>"
    return (
        f'<svg class="axes" viewBox="0 0 600 230" font-size="15" role="img">{title}{"".join(grid + words)}{dot}</svg>'
        f'<p class="quiet">Upwards: {escape(question.y_title)}.</p>'
    )


def _superscript(number: int) -> str:
    """−4 → ⁻⁴."""
    return str(number).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def write_html(markdown: str) -> str:
    """Bold and italics of a little Markdown, everything else escaped."""
    text = escape(markdown, quote=False)
    text = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", text)
    text = re.sub(r"(?<![\w*])\*(?![\s*])(.+?)\*", r"<em>\1</em>", text)
    return re.sub(r"`(.+?)`", r"<code>\1</code>", text)

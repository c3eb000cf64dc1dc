"""The results of recipes as one web page that needs no other file."""

from collections.abc import Sequence
from html import escape

from analysis.figures.png import png_address
from analysis.figures.standalone import page, section
from analysis.wording import counted, duration, exact_percent
from experiments.recipes.examples import Example
from experiments.recipes.measured import FRESH
from experiments.recipes.outcome import Outcome, Shown
from experiments.recipes.tables import HEADINGS, html_table, rows, verdict_rows, verdict_words


def html_of(title: str, outcomes: Sequence[Outcome]) -> str:
    """The page as HTML; it contains plotly.js once."""
    parts = [
        "<p>Each claim and its bound were written down before the runs. A claim is judged by the median over the "
        "seeds, a share by the mean. The spread is the smallest and the largest number; in brackets is the number of "
        "seeds.</p>",
        html_table(("recipe", "title", "verdict"), verdict_rows(outcomes)),
    ]
    drawn = False
    for outcome in outcomes:
        parts.append(about(outcome))
        for shown in (None, *outcome.shown):
            parts += [] if shown is None else [outputs(shown)]
            for picture in outcome.pictures if shown is None else shown.pictures:
                parts.append(section(picture, first=not drawn))
                drawn = True
        parts.append(of_runs(outcome))
    return page(title, "\n".join(parts))


def about(outcome: Outcome) -> str:
    """A recipe's title, verdict, words and table."""
    recipe = outcome.recipe
    words = "".join(f"<p>{escape(text)}</p>" for text in (recipe.source, recipe.about, recipe.tried) if text)
    return (
        f'<h2 id="{escape(recipe.name)}">{escape(recipe.title)}</h2>'
        f"<p><strong>{escape(verdict_words(outcome))}</strong></p>{words}"
        f"{html_table(HEADINGS[1:], [row[1:] for row in rows(outcome)])}"
    )


def outputs(shown: Shown) -> str:
    """Outputs beside targets, right ones first."""
    head = f"<h3>What the network says: {escape(shown.label)}, seed 0</h3>"
    wrong = f"<p>Of {FRESH} fresh sequences {exact_percent(shown.wrong)} have at least one wrong answer.</p>"
    head_row = "".join(f'<th scope="col">{words}</th>' for words in ("", "it reads", "wanted", "it says"))
    lines = "\n".join(map(example_row, shown.examples))
    table = f'<table class="examples"><thead><tr>{head_row}</tr></thead><tbody>{lines}</tbody></table>'
    sample = "" if shown.sample is None else f"<p>Text that it writes itself:</p><pre>{escape(shown.sample)}</pre>"
    return head + wrong + table + sample


def example_row(example: Example) -> str:
    """An example's row as HTML, with its mark in words, and with the picture where it has one."""
    given = escape(example.given)
    if example.picture is not None:
        given = f'<img src="{png_address(example.picture)}" alt="Picture: {given}">'
    cells = ("✓ right" if example.right else "✗ wrong", given, escape(example.wanted), escape(example.said))
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def of_runs(outcome: Outcome) -> str:
    """Which runs the numbers are from."""
    if not outcome.runs:
        return ""
    left = f" {counted(outcome.missing, 'run')} not finished." if outcome.missing else ""
    names = ", ".join(f"<code>{escape(name)}</code>" for name in outcome.runs)
    return (
        f"<details><summary>{counted(len(outcome.runs), 'run')}, {duration(outcome.seconds)} of training steps.{left}"
        f"</summary><p>Open them on the page Runs: {names}</p></details>"
    )

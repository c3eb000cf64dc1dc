"""The table of results: as text for the terminal, as Markdown for the documentation, as HTML for the page."""

import re
from collections.abc import Iterable, Sequence
from html import escape

from analysis.wording import counted, duration
from experiments.recipes.expectation import Judged
from experiments.recipes.outcome import Outcome, bound_in_words, in_words, spread

HEADINGS = ("recipe", "claim", "published", "bound", "ours, median", "spread over seeds", "holds")


def rows(outcome: Outcome) -> list[tuple[str, ...]]:
    """One row per claim."""
    return [
        (
            outcome.recipe.name,
            judged.expectation.says,
            judged.expectation.published,
            bound_in_words(judged),
            in_words(judged, judged.middle),
            f"{spread(judged)} ({len(judged.values)})",
            holds_words(outcome, judged),
        )
        for judged in outcome.judged
    ]


def holds_words(outcome: Outcome, judged: Judged) -> str:
    """Whether a claim holds; the short version does not say."""
    if not judged.values:
        return "not finished"
    if outcome.recipe.quick:
        return "not judged"
    return "yes" if judged.holds else "no"


def verdict_rows(outcomes: Iterable[Outcome]) -> list[tuple[str, str, str]]:
    """One row per recipe: its name, its title, its verdict."""
    return [(o.recipe.name, o.recipe.title, verdict_words(o)) for o in outcomes]


def verdict_words(outcome: Outcome) -> str:
    """The verdict; of the short version, that there is none."""
    if outcome.verdict == "not finished":
        return outcome.verdict
    if outcome.recipe.quick:
        return "short version: no verdict on the claim"
    return outcome.verdict + (" (the source's own sizes)" if outcome.recipe.version == "full" else "")


HEADING = "# Recipes: what was published, and what comes out here"
ABOUT = f"""\
{HEADING}

Made by `python -m experiments recipe NAME... --markdown docs/recipes.md`, which replaces the sections of the recipes
that it names. Each claim and its bound were written down before the runs, in the recipe's TOML file in
`experiments/recipes/`. A claim is judged by the median over the seeds, a share by the mean. The spread is the smallest
and the largest number; in brackets is the number of seeds. *Confirmed*: all claims hold. *Confirmed in order, not in
size*: every claim about an order holds, and a size does not. *Not confirmed*: anything else.
"""
SECTION = re.compile(r"^## ([\w.-]+): (.*)\n\n\*\*(.*?)\*\*", re.MULTILINE)
"""A recipe's name, title and verdict, where its section begins."""


def markdown(outcomes: Sequence[Outcome], earlier: str = "") -> str:
    """The documentation's page of results.

    Args:
        outcomes: of the recipes that were run.
        earlier: the page as it was; its sections of other recipes stay.
    """
    starts = [*SECTION.finditer(earlier)]
    ends = [*(found.start() for found in starts[1:]), len(earlier)]
    sections = {f[1]: earlier[f.start() : end].strip() for f, end in zip(starts, ends, strict=False)}
    sections |= {outcome.recipe.name: section_of(outcome) for outcome in outcomes}
    verdicts = [found.groups() for text in sections.values() for found in SECTION.finditer(text)]
    return "\n".join(
        [ABOUT, table(("recipe", "title", "verdict"), verdicts), *(f"\n{s}" for s in sections.values()), ""]
    )


def section_of(outcome: Outcome) -> str:
    """A recipe's title, verdict, words and table, as Markdown."""
    recipe = outcome.recipe
    cost = (
        f"{counted(len(outcome.runs), 'run')}, {duration(outcome.seconds)} of training steps." if outcome.runs else ""
    )
    words = [" ".join(text.split()) for text in (recipe.about, recipe.tried, cost) if text]
    head = [f"## {recipe.name}: {recipe.title}", f"**{verdict_words(outcome)}**. {' '.join(recipe.source.split())}"]
    return "\n\n".join([*head, *words, table(HEADINGS[1:], [row[1:] for row in rows(outcome)])])


def table(headings: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    written = [headings, ["---"] * len(headings), *lines]
    return "\n".join(f"| {' | '.join(cell.replace('|', '∣') for cell in line)} |" for line in written)


def html_table(headings: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """An HTML table with a row of headings."""
    head = "".join(f'<th scope="col">{escape(heading)}</th>' for heading in headings)
    body = "\n".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in line)}</tr>" for line in lines)
    return f'<div class="table"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'

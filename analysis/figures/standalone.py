"""Pictures as one web page that needs no other file: it contains plotly.js once."""

from collections.abc import Iterable
from html import escape

from analysis.figures.picture import Picture


def standalone(title: str, before: str, pictures: Iterable[Picture], after: str = "") -> str:
    """The page's HTML: title, pictures with their captions. `before` and `after` must be trusted HTML."""
    figures = "\n".join(section(picture, first=k == 0) for k, picture in enumerate(pictures))
    return PAGE.format(title=escape(title), before=before, figures=figures, after=after)


def section(picture: Picture, first: bool) -> str:
    """One chart with its caption; the first one contains plotly.js."""
    body = picture.figure.to_html(
        full_html=False, include_plotlyjs=first, config={"showSendToCloud": False, "responsive": True}
    )
    head = f'<figure role="group" aria-label="{escape(picture.alt)}">'
    return f"{head}{body}<figcaption>{escape(picture.sentence)}</figcaption></figure>"


def table(rows: Iterable[tuple[object, object]]) -> str:
    """An HTML table with rows of two cells."""
    cells = "\n".join(f"<tr><td>{escape(str(a))}</td><td>{escape(str(b))}</td></tr>" for a, b in rows)
    return f"<table>{cells}</table>"


PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a }}
figure {{ margin: 2rem 0 }} td {{ padding: .1rem 1rem .1rem 0; vertical-align: top }}
</style>
</head>
<body>
<h1>{title}</h1>
{before}
{figures}
{after}
</body>
</html>
"""

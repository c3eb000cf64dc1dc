"""Pictures as one web page that needs no other file: it contains plotly.js once."""

from collections.abc import Iterable
from html import escape
from pathlib import Path

from analysis.figures.picture import Picture
from analysis.typeset import as_html


def standalone(title: str, before: str, pictures: Iterable[Picture], after: str = "") -> str:
    """The page's HTML: title, pictures with their captions. `before` and `after` must be trusted HTML."""
    figures = "\n".join(section(picture, first=k == 0) for k, picture in enumerate(pictures))
    return page(title, f"{before}\n{figures}\n{after}")


def page(title: str, body: str) -> str:
    """The HTML of a page with this title and body, light or dark as the reader's system is; `body` must be trusted."""
    return PAGE.format(title=escape(title), body=body, script=SCRIPT)


def section(picture: Picture, first: bool) -> str:
    """One chart with its caption; the first one contains plotly.js."""
    body = picture.figure.to_html(
        full_html=False, include_plotlyjs=first, config={"showSendToCloud": False, "responsive": True}
    )
    head = f'<figure role="group" aria-label="{escape(picture.alt)}">'
    return f"{head}{body}<figcaption>{as_html(escape(picture.sentence))}</figcaption></figure>"


def table(rows: Iterable[tuple[object, object]]) -> str:
    """An HTML table with rows of two cells."""
    cells = "\n".join(f"<tr><td>{escape(str(a))}</td><td>{escape(str(b))}</td></tr>" for a, b in rows)
    return f"<table>{cells}</table>"


SCRIPT = Path(__file__).with_name("standalone.js").read_text(encoding="utf-8")

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --ink: #1a1a1a; --page: #fff; --line: #c9ccd4 }}
@media (prefers-color-scheme: dark) {{ :root {{ --ink: #e8eaf0; --page: #14161c; --line: #3d4250 }} }}
body {{
  font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: var(--ink); background: var(--page)
}}
figure {{ margin: 2rem 0 }}
.table {{ overflow-x: auto }}
table {{ border-collapse: collapse }}
td, th {{ padding: .15rem 1rem .15rem 0; vertical-align: top; text-align: left }}
thead th {{ border-bottom: 1px solid var(--line) }}
a, td {{ overflow-wrap: anywhere }}
th {{ overflow-wrap: normal }}
.table td {{ overflow-wrap: break-word; max-width: 24rem; border-bottom: 1px solid var(--line) }}
/* Long texts beside each other: all columns are in sight, however narrow the page is. */
.examples {{ table-layout: fixed; width: 100% }}
.examples th:first-child {{ width: 4.5rem }}
.examples td {{ border-bottom: 1px solid var(--line) }}
.examples img {{ width: 7.5rem; max-width: 100%; image-rendering: pixelated }}
pre {{ white-space: pre-wrap }}
h2 {{ margin-top: 3rem }}
</style>
</head>
<body>
<h1>{title}</h1>
{body}
<script>
{script}</script>
</body>
</html>
"""

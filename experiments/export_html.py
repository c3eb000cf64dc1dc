"""A run as one web page: its settings, what happened, and its charts."""

from html import escape

from analysis.figures.picture import Picture
from experiments.run_pictures import run_pictures
from experiments.store.reader import RunReader

MOST_EVENTS = 200


def html_of(run: RunReader) -> str:
    """The page; it stands alone: plotly.js is in it, once.

    Raises:
        DamagedRunError: something that it shows is damaged.
    """
    title = f"Run {run.name}: {run.config.task}, {run.config.cell}"
    pictures = run_pictures([run]).values() if run.progress.step else ()
    figures = "\n".join(section(picture, first=k == 0) for k, picture in enumerate(pictures))
    events = run.events()
    rows = [f"<tr><td>{e['step']}</td><td>{escape(str(e['text']))}</td></tr>" for e in events[:MOST_EVENTS]]
    more = f"<p>{len(events) - MOST_EVENTS} more are in the run folder.</p>" if len(events) > MOST_EVENTS else ""
    return PAGE.format(
        title=escape(title),
        state=escape(sentence(run)),
        settings="\n".join(
            f"<tr><td>{escape(name)}</td><td>{escape(str(value))}</td></tr>" for name, value in run.config
        ),
        events="\n".join(rows) or "<tr><td></td><td>nothing</td></tr>",
        more=more,
        figures=figures or "<p>Nothing was recorded yet.</p>",
    )


def sentence(run: RunReader) -> str:
    """The run's state in words."""
    p = run.progress
    text = f"{run.status.capitalize()} after step {p.step} of {run.config.steps}"
    loss = p.latest.get("evaluation_loss", p.latest.get("loss"))
    if loss is not None:
        text += f"; loss {float(str(loss)):.3g}, a memoryless guess {run.chance:.3g}"
    return text + "."


def section(picture: Picture, first: bool) -> str:
    """One chart with its sentence; the first brings plotly.js with it."""
    body = picture.figure.to_html(
        full_html=False, include_plotlyjs=first, config={"showSendToCloud": False, "responsive": True}
    )
    head = f'<figure role="group" aria-label="{escape(picture.alt)}">'
    return f"{head}{body}<figcaption>{escape(picture.sentence)}</figcaption></figure>"


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
<p>{state}</p>
{figures}
<h2>What happened</h2>
<table>{events}</table>
{more}
<h2>Settings</h2>
<table>{settings}</table>
</body>
</html>
"""

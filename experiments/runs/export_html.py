"""A run as one web page: its settings, events and charts."""

import math
from html import escape

from analysis.figures.standalone import standalone, table
from analysis.wording import are, significant
from experiments.config.words import bare
from experiments.runs.pictures import run_pictures
from experiments.runs.store.reader import RunReader

MOST_EVENTS = 200


def html_of(run: RunReader) -> str:
    """The page as HTML. It needs no other file: it contains plotly.js once.

    Raises:
        DamagedRunError: data that it shows is damaged.
    """
    pictures = run_pictures([run]).values() if run.progress.step else ()
    events = run.events()
    shown = [(e["step"], e["text"]) for e in events[:MOST_EVENTS]] or [("", "nothing")]
    settings = table((name, bare(value)) for name, value in run.settings.items())
    left = len(events) - MOST_EVENTS
    more = f"<p>{left} more {are(left)} in the run folder.</p>" if left > 0 else ""
    return standalone(
        f"Run {run.name}: {run.title}" if run.title else f"Run {run.name}",
        f"<p>{escape(sentence(run))}</p>"
        + "".join(f"<p>{escape(lost)}</p>" for lost in (run.missing or {}).values())
        + ("" if pictures else "<p>Nothing was recorded yet.</p>"),
        pictures,
        f"<h2>What happened</h2>{table(shown)}{more}<h2>Settings</h2>{settings}",
    )


def sentence(run: RunReader) -> str:
    """The run's state in words."""
    p = run.progress
    text = f"{run.status.capitalize()} after step {p.step}" + ("" if run.steps is None else f" of {run.steps}")
    loss = p.latest.get("evaluation_loss", p.latest.get("loss"))
    if loss is not None:
        text += f"; loss {significant(float(str(loss)))}"
        text += "" if math.isnan(run.chance) else f", a memoryless guess {significant(run.chance)}"
    return text + "."

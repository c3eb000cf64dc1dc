"""A run as one web page: its settings, what happened, and its charts."""

import math
from collections.abc import Mapping
from html import escape

import numpy as np
from numpy import ndarray

from analysis.figures.picture import Picture
from analysis.figures.theme import cell_colour
from analysis.figures.training import Lane, heatmap_picture, lines_picture, loss_picture, norm_picture
from experiments.config import RunConfig
from experiments.store.reader import RunReader

DASHES = ("solid", "dash", "dot", "dashdot")
MOST_RECORDS = 1000
"""Recorded steps in a chart; more are thinned evenly."""
MOST_EVENTS = 200


def html_of(run: RunReader) -> str:
    """The page; it stands alone: plotly.js is in it, once.

    Raises:
        DamagedRunError: something that it shows is damaged.
    """
    title = f"Run {run.name}: {run.config.task}, {run.config.cell}"
    figures = "\n".join(section(picture, first=k == 0) for k, picture in enumerate(pictures(run)))
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


def pictures(run: RunReader) -> list[Picture]:
    """The run's charts."""
    lane = lane_of(run)
    if not len(lane.step):
        return []
    charts = [loss_picture([lane]), norm_picture([lane], {lane.label: run.config.clip_threshold})]
    count = len(run.tensor("step"))
    if not count:
        return charts
    every = slice(None, None, max(1, math.ceil(count / MOST_RECORDS)))
    step = run.tensor("step")[every]
    top = run.tensor("log_norm_quantile").shape[1] - (2 if run.config.bidirectional else 1)
    charts.append(heatmap_picture(lane.label, step, run.tensor("log_norm_quantile")[every, top, :, 1].astype(float)))
    blocks = run.attributes["block"]
    lines = [
        (f"{what} {block}".strip(), lane.colour, DASHES[k % 4], step, run.tensor(array)[every, top, k])
        for array, what in (("spectral_norm", "norm"), ("spectral_radius", "radius"))
        for k, block in enumerate(blocks)
    ]
    charts.append(
        lines_picture(
            "spectrum",
            "Spectral norm and radius of the recurrent weights",
            "size",
            "The largest singular value (norm) and the largest absolute eigenvalue (radius) of each recurrent block.",
            lines,
            level=1.0,
        )
    )
    gates = run.attributes["gate"]
    if gates:
        closed, opened = run.tensor("gate_closed")[every, :, top], run.tensor("gate_open")[every, :, top]
        charts.append(
            lines_picture(
                "saturation",
                "Gate saturation",
                "share of values",
                "The share of each gate's values that are below .1 or above .9 (for g and n: beyond ±.8).",
                [
                    (gate, lane.colour, DASHES[k % 4], step, (closed + opened)[:, k].astype(float))
                    for k, gate in enumerate(gates)
                ],
            )
        )
    return charts


def lane_of(run: RunReader) -> Lane:
    """The run's scalars, as the training figures take them."""
    scalars: Mapping[str, ndarray] = run.scalars()
    none = np.empty(0)
    events = [(int(e["step"]), str(e["text"])) for e in run.events()][:MOST_EVENTS]
    return Lane(
        label=label_of(run.config),
        colour=cell_colour(run.config.cell),
        step=scalars.get("step", none.astype(np.int64)),
        loss=scalars.get("loss", none),
        chance=run.chance,
        log_norm_before=scalars.get("log_norm_before", none),
        log_norm_after=scalars.get("log_norm_after", none),
        events=events,
    )


def label_of(config: RunConfig) -> str:
    """A short name for a chart."""
    return f"{config.cell} {config.identity()[:4]}"


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

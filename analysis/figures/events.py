"""What happened while runs trained, on their charts over the optimiser's steps."""

from collections.abc import Sequence
from typing import NamedTuple

import plotly.graph_objects as go

from analysis.figures.theme import NEUTRAL

MOST_LABELS, LONGEST_LABEL = 8, 40
"""Places whose words are written, and characters of them."""
BETWEEN = ("paused", "went on")
"""What often stands around an event that tells more, such as another learning rate."""
LABEL_WIDTH = 0.04
"""Of the chart's width, on a phone: words that are nearer would be written over each other."""


class Event(NamedTuple):
    """Something that happened to a run."""

    step: int
    words: str
    label: str
    """The run's."""
    colour: str


def add_events(made: go.Figure, events: Sequence[Event], until: int, since: int = 0) -> None:
    """Draw a vertical line for each event, with words along it where there is room, and all of them on hover.

    Args:
        made: a chart over steps.
        events: in any order.
        until: the chart's last step.
        since: its first step.
    """
    for event in events:
        made.add_vline(x=event.step, line={"color": event.colour, "width": 1, "dash": "dot"})
    near = (until - since) * LABEL_WIDTH
    groups = neighbours(events, near)
    has_room = len(groups) <= MOST_LABELS
    for group in groups:
        texts = sorted(dict.fromkeys(event.words for event in group), key=lambda words: words in BETWEEN)
        colours = {event.colour for event in group}
        words = texts[0] if len(texts[0]) <= LONGEST_LABEL else f"{texts[0][:LONGEST_LABEL]}…"
        # At the left end the words would lie on the axis's numbers.
        side = "left" if group[0].step <= since + near else "right"
        more = f" (and {len(texts) - 1} more)" if len(texts) > 1 else ""
        made.add_annotation(
            x=group[0].step, xanchor=side, y=1, yref="paper", yanchor="top", showarrow=False, borderpad=1,
            text=words + more if has_room else "●", textangle=-90 if has_room else 0,
            font={"color": colours.pop() if len(colours) == 1 else NEUTRAL, "size": 9},
            hovertext="<br>".join(f"{event.label}, step {event.step:,}: {event.words}" for event in group),
        )  # fmt: skip


def neighbours(events: Sequence[Event], near: float) -> list[list[Event]]:
    """The events in their order; those less than `near` steps after the first of a group belong to it."""
    groups: list[list[Event]] = []
    for event in sorted(events, key=lambda event: event.step):
        if groups and event.step - groups[-1][0].step < near:
            groups[-1].append(event)
        else:
            groups.append([event])
    return groups

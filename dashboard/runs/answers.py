"""What the network says at a recorded step, and how it came to say it: learning is seen, and not only its loss."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import streamlit as st

from analysis.figures.picture import Picture
from analysis.figures.trajectory import trajectory_picture
from analysis.wording import counted, significant
from dashboard.components.answers import KEY, answers_html, count_right, describe_right
from dashboard.components.as_text import as_text
from dashboard.components.live_slider import live_slider
from dashboard.components.refusal import refuse
from dashboard.components.show import in_two_columns, show
from dashboard.explore.settings import slide_in
from dashboard.runs.kept import KEPT
from dashboard.runs.step_panels import trained_network
from experiments.errors import ConfigError
from experiments.probing.answers import Exchange, Way, can_write, exchanges, write_text
from experiments.probing.probe import Probe
from experiments.probing.recorded_pass import RecordedPass
from experiments.runs.opening import open_run
from experiments.runs.store.reader import RunReader

MOST_STEPS = 8
"""Recorded steps over which learning is followed."""
USUAL = 0.7
"""Temperature at first."""
MOST_WAYS = 2
"""Ways of a ball that are drawn."""
FEW = 40
"""Characters of a sample beside a step."""


def show_answers(run: RunReader, network: RecordedPass) -> None:
    """The answers to the first sequences beside the targets; of a network of characters, text that it writes."""
    if not isinstance(network, Probe):
        return
    st.markdown("## What the network says")
    made = exchanges(network)
    right = describe_right(made)
    of = counted(len(made), "sequence")
    st.caption(f"{right[:1].upper()}{right[1:]} at this step, in {of} of the batch. {KEY}")
    st.html(answers_html(made))
    ways = [one.way for one in made if one.way is not None][:MOST_WAYS]
    in_two_columns({f"way-{k}": way_picture(k, way) for k, way in enumerate(ways)}, run.name)
    if can_write(network):
        _show_writing(run, network)
    if st.toggle("Show how it learned", key=KEPT.key("learned"), help=KEPT.controls["learned"].help):
        _show_learning(run)


def way_picture(k: int, way: Way) -> Picture:
    """The ball's way in sequence k of the batch: what was seen, the true way and the network's."""
    off = float(np.hypot(*(way.said - way.true).T).max())
    title = f"Sequence {k + 1}: the network is off by {significant(off)} at most"
    return trajectory_picture(f"way-{k + 1}", title, way.seen, way.true, way.said)


def _show_writing(run: RunReader, network: Probe) -> None:
    """Text at a temperature that is chosen."""
    c = slide_in(KEPT.controls, "temperature")
    temperature = live_slider(
        c.label, key=KEPT.key("temperature"), value=c.default, minimum=c.lowest, maximum=c.highest, step=c.step,
        help=c.help,
    )  # fmt: skip
    st.code(write_text(network, temperature), language=None, wrap_lines=True)


def _show_learning(run: RunReader) -> None:
    """A row per step: how much is right, and the first sequence's answers, or some text."""
    steps = run.tensor("step")[:]
    places = np.unique(np.linspace(0, len(steps) - 1, min(MOST_STEPS, len(steps))).round().astype(int))
    rows = [_answers_at(run.folder, run.description.created, run.index, int(steps[k])) for k in places]
    st.dataframe(rows, hide_index=True, width="stretch", placeholder="")


@lru_cache(maxsize=64)
def _answers_at(folder: Path, created: float, index: int, step: int) -> dict[str, object]:
    run = open_run(folder)
    network = trained_network(run.of(list(run.forms)[index]), step)
    assert isinstance(network, Probe)
    made = exchanges(network)
    row: dict[str, object] = {"step": step, "right": "{} of {}".format(*count_right(made))}
    if can_write(network):
        return row | {"writes": write_text(network, USUAL, length=FEW)}
    first = made[0].answers
    return row | {
        "says": " ".join(answer.said for answer in first),
        "wanted": " ".join(answer.wanted for answer in first),
    }


def show_latest_answers(run: RunReader, label: str) -> None:
    """What a run that may go on said at its last recorded step, in a few lines."""
    if not len(run.tensor("step")) or run.form.lacks() or run.form.watched:
        return
    step = int(run.tensor("step")[-1])
    try:
        made, text = _last_answers(run.folder, run.description.created, step)
    except ConfigError as error:
        refuse(error)
        return
    st.markdown(f"**{as_text(label)}**, at step {step:,}: {describe_right(made)}.")
    st.html(answers_html(made))
    if made[0].way is not None:
        show(way_picture(0, made[0].way), f"way-{run.name}")
    if text is not None:
        st.code(text, language=None, wrap_lines=True)


@lru_cache(maxsize=64)  # the page asks every second, for everybody who watches
def _last_answers(folder: Path, created: float, step: int) -> tuple[list[Exchange], str | None]:
    network = trained_network(open_run(folder), step)
    assert isinstance(network, Probe)
    return exchanges(network, most=2), write_text(network, USUAL) if can_write(network) else None

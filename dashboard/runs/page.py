"""Runs: what has been recorded, one run step by step, or several over each other."""

from collections.abc import Sequence

import streamlit as st

from dashboard.components.address import note_arrival, write_address
from dashboard.components.as_text import as_text
from dashboard.components.refusal import refuse
from dashboard.components.style import page_style
from dashboard.runs.arriving import read_address
from dashboard.runs.chosen_runs import show_runs
from dashboard.runs.follow import follow
from dashboard.runs.kept import KEPT
from dashboard.runs.notes import say_refused
from dashboard.runs.step_in_sight import step_style
from dashboard.runs.table import choose_runs
from dashboard.train.jobs import RUNS
from experiments.runs.folder import find_run, list_runs
from experiments.runs.opening import open_run
from experiments.runs.store.errors import RunError
from experiments.runs.store.reader import RunReader


def open_all(names: Sequence[str]) -> list[RunReader]:
    """The runs of these names; a sentence on the page for each that cannot be opened."""
    readers = []
    for name in names:
        try:
            readers.append(open_run(find_run(RUNS, name)))
        except RunError as error:
            refuse(error)
    return readers


page_style(is_steady=True)
step_style()
st.title("Recorded runs")
for sentence in read_address(note_arrival("runs")):
    st.error(as_text(sentence))
say_refused()
summaries = list_runs(RUNS)
KEPT.prepare()
if not summaries and not KEPT.values()["run"]:
    st.markdown("Nothing is recorded yet. Start a run on the page **Train**.")
    st.stop()
names = choose_runs(summaries)
KEPT.keep()
write_address(KEPT.link({}))
if not names:
    st.stop()
try:
    if readers := open_all(names):
        show_runs(readers)
        going_on = [reader for reader in readers if reader.status == "running"]
        if going_on and st.toggle("Follow the training", key=KEPT.key("follow"), help=KEPT.controls["follow"].help):
            follow(going_on)
except RunError as error:
    refuse(error)
KEPT.keep()
write_address(KEPT.link({}))

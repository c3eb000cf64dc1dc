"""Runs: what has been recorded, one run step by step, or several over each other."""

from collections.abc import Sequence

import streamlit as st

from dashboard.components.address import note_arrival, write_address
from dashboard.components.as_text import as_text
from dashboard.components.refusal import refuse
from dashboard.components.show import in_two_columns
from dashboard.components.source import set_source
from dashboard.components.style import page_style
from dashboard.runs.arriving import read_address
from dashboard.runs.follow import follow
from dashboard.runs.kept import KEPT
from dashboard.runs.laid_over_runs import show_laid_over
from dashboard.runs.own_words import say_refused, show_own_words
from dashboard.runs.recorded_step import show_recorded_step
from dashboard.runs.settings_table import show_settings
from dashboard.runs.table import choose_runs
from dashboard.runs.verdicts import show_verdicts
from dashboard.train.jobs import RUNS
from dashboard.train.watching import new_run_button
from experiments.runs.folder import find_run, list_runs
from experiments.runs.naming import labels, run_settings
from experiments.runs.opening import open_run
from experiments.runs.pictures import run_pictures
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


def show_runs(readers: Sequence[RunReader]) -> None:
    """What the runs have come to and how they differ, a single run step by step, and all of them over their steps."""
    names = labels(readers)
    set_source(run_settings(readers, names))
    new_run_button(readers)
    show_verdicts(readers, names)
    show_settings(readers, names)
    if len(readers) == 1:
        show_own_words(readers[0])
        show_recorded_step(readers[0])
    else:
        show_laid_over(readers, names)
    joins = len(readers) > 1 and st.toggle("Join seeds", key=KEPT.key("seeds"), help=KEPT.controls["seeds"].help)
    in_two_columns(run_pictures(readers, joins), "runs")


page_style()
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
    st.markdown("Choose a run to open it, or two to six to lay them over each other.")
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

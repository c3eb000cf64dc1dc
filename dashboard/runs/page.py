"""Runs: what has been recorded, one run step by step, or several over each other."""

from collections.abc import Sequence

import streamlit as st

from dashboard.components.refusal import refuse
from dashboard.components.show import in_two_columns
from dashboard.components.style import page_style
from dashboard.runs.follow import follow
from dashboard.runs.recorded_step import show_recorded_step
from dashboard.runs.table import MOST_OVERLAID, choose_runs
from dashboard.train.jobs import RUNS
from experiments.runs.findings import run_findings
from experiments.runs.folder import find_run, list_runs, named_in
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
    """What is wrong with the runs, a single run step by step, and all of them over their steps."""
    for reader in readers:
        for finding in run_findings(reader):
            st.warning(f"**{finding.title}** (run {reader.name}). {finding.evidence} {finding.remedy}")
    if len(readers) == 1:
        show_recorded_step(readers[0])
    in_two_columns(run_pictures(readers), "runs")
    page = (st.context.url or "").split("?")[0]
    st.caption("This address opens the same view:")
    st.code(f"{page}?run={','.join(r.name for r in readers)}", language=None)


page_style()
st.title("Recorded runs")
asked = st.query_params.get("run", "")
linked = named_in(asked)[:MOST_OVERLAID]
if asked and not linked:
    refuse("The address names no run: it must be the beginning of a run's id, and no path.")
summaries = list_runs(RUNS)
if not summaries and not linked:
    st.markdown("Nothing is recorded yet. Start a run on the page **Train**.")
    st.stop()
names = choose_runs(summaries) or linked
if not names:
    st.markdown("Choose a run to open it, or two to six to lay them over each other.")
    st.stop()
st.query_params["run"] = ",".join(names)
try:
    if readers := open_all(names):
        show_runs(readers)
        going_on = [reader for reader in readers if reader.status == "running"]
        if going_on and st.toggle("Follow the training", value=True, key="follow", help="Draw each new recorded step."):
            follow(going_on)
except RunError as error:
    refuse(error)

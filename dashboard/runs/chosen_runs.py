"""The chosen runs below the table of Runs."""

from collections.abc import Sequence

import streamlit as st

from dashboard.components.show import in_two_columns
from dashboard.components.source import set_source
from dashboard.runs.kept import KEPT
from dashboard.runs.laid_over_runs import show_laid_over
from dashboard.runs.notes import show_notes
from dashboard.runs.recorded_step import show_recorded_step
from dashboard.runs.settings_table import show_settings
from dashboard.runs.verdicts import show_verdicts
from dashboard.train.watching import new_run_button
from experiments.runs.naming import labels, run_settings
from experiments.runs.pictures import run_pictures, seed_groups
from experiments.runs.store.reader import RunReader


def show_runs(readers: Sequence[RunReader]) -> None:
    """What the runs have come to and how they differ, a single run step by step, and all of them over their steps."""
    names = labels(readers)
    set_source(run_settings(readers, names))
    new_run_button(readers)
    show_verdicts(readers, names)
    show_settings(readers, names)
    if len(readers) == 1:
        show_notes(readers[0])
    with st.container():  # the slider stays in sight as long as this is
        if len(readers) == 1:
            show_recorded_step(readers[0])
        else:
            show_laid_over(readers, names)
    has_seeds = len(seed_groups(readers)) < len(readers)
    joins = has_seeds and st.toggle("Join seeds", key=KEPT.key("seeds"), help=KEPT.controls["seeds"].help)
    in_two_columns(run_pictures(readers, joins), "runs")

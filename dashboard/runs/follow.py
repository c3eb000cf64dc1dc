"""Runs follows a training that goes on."""

from collections.abc import Sequence

import streamlit as st

from dashboard.components.refusal import refuse
from experiments.runs.store.errors import RunError
from experiments.runs.store.progress import read_progress
from experiments.runs.store.reader import RunReader

FOLLOW_SECONDS = 2.0
"""How often the page looks whether a run that goes on has more."""


@st.fragment(run_every=FOLLOW_SECONDS)
def follow(readers: Sequence[RunReader]) -> None:
    """Draw the page again once a run that goes on has committed more."""
    try:
        if any(read_progress(reader.folder).updated != reader.progress.updated for reader in readers):
            st.rerun()
    except RunError as error:
        refuse(error)

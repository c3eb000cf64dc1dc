"""Starting runs on Train: new settings train at once; settings that were trained before are offered first."""

from collections.abc import Sequence

import streamlit as st

from dashboard.components.as_text import as_text
from dashboard.session import read_session
from dashboard.train import jobs as training
from dashboard.train.earlier_runs import find_known_run
from dashboard.train.steering import REFUSED
from dashboard.train.watching import OFFERED, open_runs, watch_runs
from experiments.config.run_config import ConfigError, RunConfig
from experiments.runs.naming import labels
from experiments.runs.status import describe_status
from experiments.runs.store.errors import RunError
from experiments.runs.store.reader import RunReader


def press_start(lanes: Sequence[RunConfig]) -> None:
    """Train these settings, or offer what is there where they have been trained before."""
    st.session_state.pop(OFFERED, None)
    if any(find_known_run(lane, training.RUNS) for lane in lanes):
        st.session_state[OFFERED] = list(lanes)
    else:
        _train_lanes(lanes)


def _train_lanes(lanes: Sequence[RunConfig]) -> None:
    """Ask for new runs, and watch them."""
    try:
        watch_runs(training.start_runs(lanes).runs)
    except ConfigError as error:
        st.session_state[REFUSED] = str(error)


def show_offer() -> None:
    """Offer runs that already exist for the chosen settings: open them or train again."""
    lanes: list[RunConfig] = read_session(OFFERED, list, [])
    if not lanes:
        return
    names = [name for lane in lanes if (name := find_known_run(lane, training.RUNS))]
    with st.container(border=True):
        st.markdown(f"**{'These settings have' if names else 'Nothing has'} been trained here before.**")
        readers = open_runs(names)
        for run, label in zip(readers, labels(readers) if readers else [], strict=True):
            st.markdown(f"- {as_text(label)}: {_describe_standing(run)}{_describe_changes(run)}")
        for name in names[len(readers) :]:
            st.markdown(f"- Run {name} is starting.")
        with st.container(horizontal=True):
            words = "Open it" if len(names) == 1 else "Open them"
            st.button(words, on_click=watch_runs, args=(names,), disabled=not names)
            st.button("Train again", type="primary", on_click=_train_lanes, args=(lanes,))


def _describe_standing(run: RunReader) -> str:
    """How far a run is, in a few words."""
    stands = as_text(describe_status(run.status, run.progress.reason))
    return f"{stands}, step {run.progress.step:,} of {run.form.steps:,}"


def _describe_changes(run: RunReader) -> str:
    """What was changed by hand while the run trained."""
    try:
        kinds = {str(event.get("kind")) for event in run.events()} & {"learning_rate", "clip_threshold"}
    except RunError:
        return ", damaged"
    return f"; its {' and '.join(sorted(kind.replace('_', ' ') for kind in kinds))} changed by hand" if kinds else ""

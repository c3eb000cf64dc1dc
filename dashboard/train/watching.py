"""The runs that Train shows: which they are, how far they are, and their charts."""

from collections.abc import Sequence

import streamlit as st

from dashboard.components.address import Arrival
from dashboard.components.answers import KEY
from dashboard.components.as_text import as_text
from dashboard.components.link_parts import say_ignored
from dashboard.components.refusal import refuse
from dashboard.components.show import in_two_columns
from dashboard.components.source import set_source
from dashboard.runs.answers import show_latest_answers
from dashboard.runs.verdicts import show_verdicts
from dashboard.session import read_session
from dashboard.train import jobs as training
from dashboard.train.settings import forget_runs, read_link, take_settings
from dashboard.train.steering import LIVE, show_place, show_refusal, show_steering
from experiments.config.words import shortened
from experiments.runs.folder import named_in
from experiments.runs.naming import labels, run_settings
from experiments.runs.opening import open_run
from experiments.runs.pictures import run_pictures
from experiments.runs.status import describe_status
from experiments.runs.store.errors import RunError
from experiments.runs.store.reader import RunReader

MOST_WATCHED = 4
"""Runs that an address may name."""
OFFERED = "offered"
"""Where the session keeps the settings that were trained before."""
_WATCHED = "watched"
_LIVE = "live"


def watched_names() -> list[str]:
    """Names of the runs that the page shows."""
    return read_session(_WATCHED, list, [])


def read_address(arrival: Arrival) -> list[str]:
    """Watch the runs and take the settings that an address names, where the visitor has come by it.

    Returns a sentence for each part of it that is wrong.
    """
    link = dict(arrival.link)
    if not arrival.has_come or not (link or arrival.by_history):
        return []
    text = link.pop("runs", "")
    names = named_in(text)[:MOST_WATCHED]
    if names:
        watch_runs(names)
    else:
        leave_runs()
    wrong = read_link(link)
    said = say_ignored(wrong)
    if text and not names:
        said.append(f"The address names no run: {shortened(text)} is not a run's name. Choose a run on the page Runs.")
    return said


def watch_runs(names: Sequence[str]) -> None:
    """Let the page show these runs, and the sidebar their settings."""
    st.session_state.pop(OFFERED, None)
    st.session_state[_WATCHED] = list(names)
    readers = open_runs(names)
    # Right from the start: a second run of the page, before the browser has made the sidebar of the first, would leave
    # its fields at their lowest values.
    st.session_state[_LIVE] = len(readers) < len(names) or any(run.status in LIVE for run in readers)
    take_settings(readers)


def leave_runs() -> None:
    """Watch nothing, so that other runs can be started; the sidebar stays as it is. What trains goes on."""
    st.session_state.pop(OFFERED, None)
    st.session_state[_WATCHED] = []
    forget_runs()


def new_run_button(readers: Sequence[RunReader]) -> None:
    """On another page: a way to Train, whose sidebar then shows the settings of the first two of these runs."""
    if st.button("New run with these settings", icon=":material/add:", help="Go to Train."):
        leave_runs()
        take_settings(readers[:2])
        st.switch_page("dashboard/train/page.py")


def open_runs(names: Sequence[str]) -> list[RunReader]:
    """Readers of the runs that are there by now."""
    readers = []
    for name in names:
        try:
            readers.append(open_run(training.RUNS / name))
        except RunError:
            continue  # its process has not made it yet
    return readers


def show_live(names: Sequence[str]) -> None:
    """Show what the runs have committed so far; redrawn every second while they train or wait."""
    readers, asked = open_runs(names), training.jobs().of(names)
    working = any(not job.over for job in asked)
    show_refusal()
    for k, job in enumerate(asked):
        if job.error:
            refuse(job.error)
        if job.waits:
            show_place(job, f"leave-{k}")
    if readers:
        show_steering(readers, working)
        _show_runs(readers, any(job.works for job in asked))
    elif not any(job.waits or job.error for job in asked):
        _say_absent(working, bool(asked))
    now = working or any(run.status in LIVE for run in readers)
    if read_session(_LIVE, bool, True) != now:
        st.session_state[_LIVE] = now
        st.rerun()


def _say_absent(working: bool, was_asked: bool) -> None:
    if working:
        st.info("The run is being prepared …")
    elif was_asked:
        st.info("This run left the queue before it began. Press Start to train.")
    else:
        st.info("There is no such run here.")


def _show_runs(readers: Sequence[RunReader], working: bool) -> None:
    names = labels(readers)
    set_source(run_settings(readers, names))
    for run, label in zip(readers, names, strict=True):
        _show_progress(run, label, working)
    try:
        show_verdicts(readers, names)
        in_two_columns(run_pictures(readers), "train")
        _show_answers(readers)
        _show_events(readers, names)
    except RunError as error:
        refuse(error)


def _show_answers(readers: Sequence[RunReader]) -> None:
    st.markdown("## What the networks say")
    st.caption(f"At their last recorded steps. {KEY}")
    for run, label in zip(readers, labels(readers), strict=True):
        show_latest_answers(run, label)


def _show_progress(run: RunReader, label: str, working: bool) -> None:
    p = run.progress
    status = "starting" if working and run.status == "interrupted" else run.status
    stands = as_text(describe_status(status, p.reason))
    step = f"step {p.step:,}" + ("" if run.steps is None else f" of {run.steps:,}")
    part = 1.0 if p.reason == "success" else min(p.step / run.form.steps, 1.0)
    st.progress(part, f"**{as_text(label)}** · {stands} · {step} · run {run.name}")


def _show_events(readers: Sequence[RunReader], names: Sequence[str]) -> None:
    events = [
        {"run": name, **{k: e.get(k) for k in ("step", "text")}, "kind": str(e.get("kind")).replace("_", " ")}
        for run, name in zip(readers, names, strict=True)
        for e in run.events()
    ]
    if events:
        st.markdown("## Events, latest first")
        wide = {"text": st.column_config.TextColumn(width="large")}
        st.dataframe(events[::-1], hide_index=True, width="stretch", placeholder="", column_config=wide)

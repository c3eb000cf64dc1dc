"""Train: start runs and watch their gradients as they learn, or fail to."""

from collections.abc import Sequence

import streamlit as st

from dashboard.components.as_text import as_text
from dashboard.components.refusal import refuse
from dashboard.components.show import in_two_columns
from dashboard.components.style import page_style
from dashboard.train.earlier_runs import known_run
from dashboard.train.jobs import RUNS, jobs, start
from dashboard.train.settings import settings
from dashboard.train.steering import LIVE, REFUSED, show_place, show_refusal, steering
from experiments.config.run_config import ConfigError, RunConfig
from experiments.config.words import cut
from experiments.runs.findings import run_findings
from experiments.runs.folder import named_in
from experiments.runs.opening import open_run
from experiments.runs.pictures import labels, run_pictures
from experiments.runs.store.errors import RunError
from experiments.runs.store.reader import RunReader

MOST_WATCHED = 4
"""Runs that an address may name."""


def press_start(lanes: Sequence[RunConfig]) -> None:
    """Train these settings, or offer what is there where they have been trained before."""
    st.session_state.pop("offered", None)
    if any(known_run(lane, RUNS) for lane in lanes):
        st.session_state["offered"] = list(lanes)
    else:
        train(lanes)


def train(lanes: Sequence[RunConfig]) -> None:
    """Ask for new runs, and watch them."""
    try:
        watch(start(lanes).runs)
    except ConfigError as error:
        st.session_state[REFUSED] = str(error)


def watch(names: Sequence[str]) -> None:
    """Let the page show these runs."""
    st.session_state.pop("offered", None)
    st.session_state["watched"] = list(names)
    st.session_state["live"] = True


def offer(lanes: Sequence[RunConfig]) -> None:
    """The runs that these settings have already, to open them or to train once more."""
    names = [name for lane in lanes if (name := known_run(lane, RUNS))]
    with st.container(border=True):
        st.markdown(f"**{'These settings have' if names else 'Nothing has'} been trained here before.**")
        readers = opened(names)
        for run, label in zip(readers, labels(readers) if readers else [], strict=True):
            st.markdown(f"- {as_text(label)}: {standing(run)}{altered(run)}")
        for name in names[len(readers) :]:
            st.markdown(f"- Run {name} is starting.")
        with st.container(horizontal=True):
            words = "Open it" if len(names) == 1 else "Open them"
            st.button(words, on_click=watch, args=(names,), disabled=not names)
            st.button("Train again", type="primary", on_click=train, args=(lanes,))


def standing(run: RunReader) -> str:
    """How far a run is, in a few words."""
    reason = f" ({as_text(cut(run.progress.reason))})" if run.progress.reason else ""
    return f"{run.status}{reason}, step {run.progress.step:,} of {run.form.steps:,}"


def altered(run: RunReader) -> str:
    """What was changed by hand while the run trained, so that it is not what its settings say."""
    try:
        kinds = {str(event.get("kind")) for event in run.events()} & {"learning_rate", "clip_threshold"}
    except RunError:
        return ", damaged"
    return f"; its {' and '.join(sorted(kind.replace('_', ' ') for kind in kinds))} changed by hand" if kinds else ""


def opened(names: Sequence[str]) -> list[RunReader]:
    """The runs that are there by now."""
    readers = []
    for name in names:
        try:
            readers.append(open_run(RUNS / name))
        except RunError:
            continue  # its process has not made it yet
    return readers


def happened(readers: Sequence[RunReader]) -> None:
    """The runs' events, the latest first."""
    events = [{"run": r.name, **{k: e.get(k) for k in ("step", "kind", "text")}} for r in readers for e in r.events()]
    if events:
        st.markdown("##### What happened")
        st.dataframe(events[::-1], hide_index=True, width="stretch")


def live(names: Sequence[str]) -> None:
    """What the runs have committed so far; drawn again every second while they train or wait."""
    readers, asked = opened(names), jobs().of(names)
    working = any(not job.over for job in asked)
    show_refusal()
    for k, job in enumerate(asked):
        if job.error:
            refuse(job.error)
        if job.waits:
            show_place(job, f"leave-{k}")
    if readers:
        steering(readers, working)
        show_runs(readers, any(job.works for job in asked))
    elif not any(job.waits or job.error for job in asked):
        left = (
            "This run left the queue before it began. Press Start to train." if asked else "There is no such run here."
        )
        st.info("The run is being prepared …" if working else left)
    now = working or any(run.status in LIVE for run in readers)
    if st.session_state.get("live", True) != now:
        st.session_state["live"] = now
        st.rerun()


def show_runs(readers: Sequence[RunReader], working: bool) -> None:
    """How far each run is, its charts, and what happened."""
    for run, label in zip(readers, labels(readers), strict=True):
        p = run.progress
        status = "starting" if working and run.status == "interrupted" else run.status
        st.progress(
            min(p.step / run.form.steps, 1.0),
            f"**{as_text(label)}** · {status}{f' ({as_text(cut(p.reason))})' if p.reason else ''} · step {p.step:,} of "
            f"{run.form.steps:,} · run {run.name}",
        )
    try:
        for run in readers:
            for finding in run_findings(run):
                st.warning(f"**{finding.title}.** {finding.evidence} {finding.remedy}")
        in_two_columns(run_pictures(readers), "train")
        happened(readers)
    except RunError as error:
        refuse(error)


page_style()
st.title("Watch a network learn, or fail to")
chosen: list[RunConfig] = []
try:
    chosen = settings()
except ConfigError as error:  # what trains is watched and steered all the same
    refuse(error)
if "watched" not in st.session_state and st.query_params.get("runs"):
    st.session_state["watched"] = named_in(st.query_params["runs"])[:MOST_WATCHED]
names = st.session_state.get("watched", [])
st.sidebar.button("Start", type="primary", width="stretch", on_click=press_start, args=(chosen,), disabled=not chosen)
if lanes := st.session_state.get("offered"):
    offer(lanes)
if not names:
    show_refusal()
    st.markdown(
        "Two lanes train in lockstep from one seed, so that a difference is seen as it arises. The sidebar holds a "
        "classic: temporal order over 30 steps, with clipping and without."
    )
    # here, too: on a phone the sidebar is closed
    st.button("Start", type="primary", on_click=press_start, args=(chosen,), key="start-here", disabled=not chosen)
else:
    st.query_params["runs"] = ",".join(names)
    st.fragment(live, run_every=1.0 if st.session_state.get("live", True) else None)(names)

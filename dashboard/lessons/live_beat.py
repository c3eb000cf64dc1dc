"""The *do* beat of a lesson that trains: start, progress, cancel; what is on the disk is found again after a reload."""

from collections.abc import Sequence

import streamlit as st

from dashboard.components.as_text import as_text
from dashboard.jobs import RUNS, Job, jobs
from dashboard.lessons.lesson import Live, Values
from dashboard.lessons.lesson_chart import lesson_charts
from experiments.config import RunConfig
from experiments.control import change_control
from experiments.errors import ConfigError
from experiments.run_pictures import labels
from experiments.store.errors import RunError
from experiments.store.progress import PROGRESS
from experiments.store.reader import RunReader, open_run

GOING = ("running", "paused")
ENDS = {
    "success": "solved",
    "steps": "not solved",
    "nonfinite": "diverged",
    "diverged": "diverged",
    "stopped": "cancelled",
}
INTERRUPTED = 130
"""Status of a process that was asked to stop, and did."""


@st.cache_resource
def started() -> dict[str, Job]:
    """Run's id → the process that a lesson on this server last started for it; a run has no folder at once."""
    return {}


def changed(lane: RunConfig) -> int:
    """When the run last committed, in nanoseconds since 1970; 0 where there is none."""
    try:
        return (RUNS / lane.identity() / PROGRESS).stat().st_mtime_ns
    except OSError:
        return 0


def trained(live: Live) -> tuple[int, ...]:
    """Changes whenever a run of any setting does."""
    return tuple(changed(lane) for values in live.settings for lane in live.lanes(values))


def restore(number: int, live: Live) -> None:
    """Let a session's controls open at the setting that was trained last, so that a reload finds it."""
    if f"lesson-{number}-restored" in st.session_state:
        return
    st.session_state[f"lesson-{number}-restored"] = True
    latest = max(live.settings, key=lambda values: max(changed(lane) for lane in live.lanes(values)))
    for key, option in latest.items():
        st.session_state.setdefault(f"lesson-{number}-{key}-kept", option)


def show(number: int, live: Live, values: Values) -> None:
    """The lanes of a setting, looked at every second while they train."""
    lanes = live.lanes(values)
    working = is_working(lanes)
    st.fragment(watch, run_every=1.0 if working else None)(number, live, lanes, working)


def watch(number: int, live: Live, lanes: Sequence[RunConfig], working: bool) -> None:
    """What is committed so far, and the buttons."""
    if is_working(lanes) != working:
        st.rerun()
    found = on_disk(lanes)
    charts, beside = st.columns([7, 4], gap="medium")
    with beside:
        over = len(found) == len(lanes) and all(run.status == "finished" for run in found)
        with st.container(horizontal=True):
            words = "Trained" if over else ("Go on" if found else "Train")
            st.button(words, key=f"lesson-{number}-train", type="primary", disabled=over or working, on_click=begin,
                      args=(lanes,))  # fmt: skip
            st.button("Cancel", key=f"lesson-{number}-cancel", disabled=not working, on_click=cancel, args=(lanes,))
        for problem in problems(lanes):
            st.error(as_text(problem))
        bars(found, working)
        try:
            scene = live.draw(found) if any(run.progress.step for run in found) else None
        except RunError as error:
            st.error(as_text(error))
            scene = None
        if scene is not None:
            st.markdown(scene.words)
        st.markdown("##### Try\n" + "\n".join(f"{k}. {task}" for k, task in enumerate(live.tasks, start=1)))
    with charts:
        if scene is not None:
            lesson_charts(scene, number)
        else:
            st.info("The process is starting …" if working else "Nothing is trained yet: press **Train**.")


def bars(found: Sequence[RunReader], working: bool) -> None:
    """How far each lane is."""
    for run, label in zip(found, labels(found) if found else (), strict=True):
        status = "starting" if working and run.status == "interrupted" else str(run.status)
        status = ENDS.get(run.progress.reason, status) if run.status == "finished" or not working else status
        step, steps = run.progress.step, run.config.steps
        st.progress(
            1.0 if run.status == "finished" else min(step / steps, 1.0),
            f"{label}: {status}, step {step:,} of {steps:,}",
        )


def on_disk(lanes: Sequence[RunConfig]) -> list[RunReader]:
    """The lanes that are there by now."""
    found = []
    for lane in lanes:
        try:
            found.append(open_run(RUNS / lane.identity()))
        except RunError:
            continue  # its process has not made it yet
    return found


def is_working(lanes: Sequence[RunConfig]) -> bool:
    """Whether a process trains any of them, or is about to."""
    pending = [started()[lane.identity()] for lane in lanes if lane.identity() in started()]
    return any(job.process.poll() is None for job in pending) or any(run.status in GOING for run in on_disk(lanes))


def problems(lanes: Sequence[RunConfig]) -> list[str]:
    """Why nothing was started, or why a process ended badly; a process that was cancelled did not."""
    refused = st.session_state.pop("lesson-refused", None)
    ended = {id(job): job for job in (started().get(lane.identity()) for lane in lanes) if job is not None}.values()
    bad = [
        job.error for job in ended if job.process.poll() not in (None, 0, INTERRUPTED) and job.process.returncode > 0
    ]
    return [text for text in (refused, *bad) if text]


def begin(lanes: Sequence[RunConfig]) -> None:
    """Start the lanes that do not exist, go on with those that were cancelled."""
    there = {run.name: run.status for run in on_disk(lanes)}
    new = [lane for lane in lanes if lane.identity() not in there]
    resting = [name for name, status in there.items() if status in ("interrupted", "failed")]
    for group in (new, resting):
        if not group:
            continue
        try:
            job = jobs().start(group)
        except ConfigError as error:
            st.session_state["lesson-refused"] = str(error)
            return
        started().update({lane if isinstance(lane, str) else lane.identity(): job for lane in group})


def cancel(lanes: Sequence[RunConfig]) -> None:
    """Stop after the step at hand; what was done is kept."""
    for run in on_disk(lanes):
        if run.status in GOING:
            try:
                change_control(run.folder, stop=True)
            except ConfigError:
                continue  # not begun yet: its process is stopped below
    for job in {id(j): j for j in (started().get(lane.identity()) for lane in lanes) if j is not None}.values():
        if job.process.poll() is None:
            job.process.terminate()  # it commits, too, if it has begun

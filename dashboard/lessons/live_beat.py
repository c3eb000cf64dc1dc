"""The *do* beat of a lesson that trains: start, progress, cancel; what is on the disk is found again after a reload."""

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from dashboard.components.refusal import refuse
from dashboard.lessons.lesson import Live, Values
from dashboard.lessons.lesson_chart import lesson_charts
from dashboard.train.earlier_runs import find_known_run
from dashboard.train.job_queue import Job
from dashboard.train.jobs import RUNS, continue_runs, jobs, start_runs
from dashboard.train.programs import programs
from dashboard.train.steering import LIVE, REFUSED, find_own, leave_queue, show_place, show_refusal, steer
from experiments.config.run_config import RunConfig
from experiments.errors import ConfigError
from experiments.runs.folder import folders_of
from experiments.runs.naming import labels
from experiments.runs.opening import open_run
from experiments.runs.store.errors import RunError
from experiments.runs.store.progress import PROGRESS
from experiments.runs.store.reader import RunReader

ENDS = {
    "success": "solved",
    "steps": "not solved",
    "nonfinite": "diverged",
    "diverged": "diverged",
    "stopped": "cancelled",
}


def _last_change(lane: RunConfig) -> int:
    """When a run of these settings last committed, in nanoseconds since 1970; 0 where there is none."""
    return max((_file_time(folder / PROGRESS) for folder in folders_of(lane, RUNS)), default=0)


def _file_time(file: Path) -> int:
    """When the file was last written; 0 where it is not there."""
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0


def last_changes(live: Live) -> tuple[int, ...]:
    """Changes whenever a run of any setting does."""
    return tuple(_last_change(lane) for values in live.settings for lane in live.lanes(values))


def restore_setting(number: int, live: Live) -> None:
    """Let a session's controls open at the setting that was trained last, so that a reload finds it."""
    if f"lesson-{number}-restored" in st.session_state:
        return
    st.session_state[f"lesson-{number}-restored"] = True
    latest = max(live.settings, key=lambda values: max(_last_change(lane) for lane in live.lanes(values)))
    for key, option in latest.items():
        st.session_state.setdefault(f"lesson-{number}-{key}-kept", option)


def show_live(number: int, live: Live, values: Values) -> None:
    """The lanes of a setting, looked at every second while they train."""
    lanes = live.lanes(values)
    working = _is_working(lanes)
    st.fragment(_show_lanes, run_every=1.0 if working else None)(number, live, lanes, working)
    programs.prepare()


def _show_lanes(number: int, live: Live, lanes: Sequence[RunConfig], working: bool) -> None:
    """What is committed so far, and the buttons."""
    if _is_working(lanes) != working:
        st.rerun()
    found, asked = _open_lanes(lanes), _last_jobs(lanes)
    charts, beside = st.columns([7, 4], gap="medium")
    with beside:
        _show_buttons(number, lanes, found, working)
        show_refusal()
        for k, job in enumerate(asked):
            if job.error:
                refuse(job.error)
            if job.waits:
                show_place(job, f"lesson-{number}-leave-{k}")
        _show_progress(found, any(job.works for job in asked))
        try:
            begun = [run for run in found if run.progress.step]
            scene = live.draw(begun) if begun else None
        except RunError as error:
            refuse(error)
            scene = None
        if scene is not None:
            st.markdown(scene.words)
        st.markdown("## Try\n" + "\n".join(f"{k}. {task}" for k, task in enumerate(live.tasks, start=1)))
    with charts:
        if scene is not None:
            lesson_charts(scene, number)
        elif any(job.works for job in asked):
            st.info("Training is starting …")
        elif not working:
            st.info("No run yet. Press **Train**.")


def _show_buttons(number: int, lanes: Sequence[RunConfig], found: Sequence[RunReader], working: bool) -> None:
    """Train, go on, cancel; where somebody else trained these lanes, train one's own."""
    over = len(found) == len(lanes) and all(run.status == "finished" for run in found)
    foreign = len(find_own(found)) < len(found)
    words = "Train your own" if foreign else "Trained" if over else "Continue" if found else "Train"
    with st.container(horizontal=True):
        st.button(words, key=f"lesson-{number}-train", type="primary", disabled=not foreign and (over or working),
                  on_click=_begin_own if foreign else _begin_lanes, args=(lanes,))  # fmt: skip
        st.button("Cancel", key=f"lesson-{number}-cancel", disabled=foreign or not working, on_click=_cancel_lanes,
                  args=(lanes,))  # fmt: skip
    if foreign:
        st.caption("Somebody else trained these runs. You can watch them.")


def _show_progress(found: Sequence[RunReader], working: bool) -> None:
    """How far each lane is."""
    for run, label in zip(found, labels(found) if found else (), strict=True):
        status = "starting" if working and run.status == "interrupted" else str(run.status)
        status = ENDS.get(run.progress.reason, status) if run.status == "finished" or not working else status
        step, steps = run.progress.step, run.form.steps
        st.progress(
            1.0 if run.status == "finished" else min(step / steps, 1.0),
            f"{label}: {status}, step {step:,} of {steps:,}",
        )


def _open_lanes(lanes: Sequence[RunConfig]) -> list[RunReader]:
    """The runs of the lanes that are there by now: this visitor's own, else the first that anybody began."""
    found = []
    for name in _names_of(lanes):
        try:
            found.append(open_run(RUNS / name))
        except RunError:
            continue  # its process has not made it yet
    return found


def _names_of(lanes: Sequence[RunConfig]) -> list[str]:
    """The names of the runs of the lanes that are known."""
    return [name for lane in lanes if (name := find_known_run(lane, RUNS))]


def _last_jobs(lanes: Sequence[RunConfig]) -> list[Job]:
    """The jobs that were last asked for these lanes."""
    return jobs().of(_names_of(lanes) or [lane.identity() for lane in lanes])


def _is_working(lanes: Sequence[RunConfig]) -> bool:
    """Whether a process trains any of them, or is about to, or they wait for one."""
    return any(not job.over for job in _last_jobs(lanes)) or any(run.status in LIVE for run in _open_lanes(lanes))


def _begin_lanes(lanes: Sequence[RunConfig]) -> None:
    """Start the lanes that do not exist, go on with those that were cancelled."""
    resting = [run for run in find_own(_open_lanes(lanes)) if run.status in ("interrupted", "failed")]
    try:
        if new := [lane for lane in lanes if find_known_run(lane, RUNS) is None]:
            start_runs(new)
        if resting:
            steer(resting, pause=False, stop=False)
            continue_runs([run.name for run in resting])
    except ConfigError as error:
        st.session_state[REFUSED] = str(error)


def _begin_own(lanes: Sequence[RunConfig]) -> None:
    """Start all lanes as runs of one's own."""
    try:
        start_runs(lanes)
    except ConfigError as error:
        st.session_state[REFUSED] = str(error)


def _cancel_lanes(lanes: Sequence[RunConfig]) -> None:
    """Stop after the current step; what was done is kept."""
    steer([run for run in _open_lanes(lanes) if run.status in LIVE], stop=True)
    for job in _last_jobs(lanes):
        leave_queue(job)  # its process commits, too, if it has begun

"""Buttons to steer runs while they train: pause, step, resume, stop, learning rate, clip threshold."""

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from dashboard.components.number_field import number_field
from dashboard.components.refusal import refuse
from dashboard.explore.control import Slide
from dashboard.server.visitor import may_steer, visitor
from dashboard.train.controls import CONTROLS
from dashboard.train.job_queue import Job
from dashboard.train.jobs import continue_runs, jobs
from experiments.errors import ConfigError
from experiments.runs.control import change_control, read_control, single_step
from experiments.runs.naming import labels
from experiments.runs.store.reader import RunReader

LIVE = ("running", "paused")
SMALLEST_THRESHOLD = 1e-8
"""Of clipping while a run goes on; to clip from the start or not at all is a setting of the run."""
REFUSED = "refused"
"""Where a button's callback leaves a sentence for the run of the page that follows it."""


def show_refusal() -> None:
    """Show what the last button could not do."""
    if sentence := st.session_state.pop(REFUSED, None):
        refuse(sentence)


def find_own(readers: Sequence[RunReader]) -> list[RunReader]:
    """The runs that this visitor may steer. Checked at every change, whatever a browser sends."""
    return [run for run in readers if may_steer(run.owner)]


def steer(readers: Sequence[RunReader], **changes: object) -> None:
    """Change what these runs are asked to do."""
    for run in find_own(readers):
        try:
            change_control(run.folder, **changes)
        except ConfigError as error:
            st.session_state[REFUSED] = str(error)


def pause(readers: Sequence[RunReader]) -> None:
    """Let runs wait; where others wait for a core, they give theirs up."""
    steer(readers, pause=True)
    jobs().advance()


def take_one_step(readers: Sequence[RunReader]) -> None:
    """Let each paused run take one step."""
    for run in find_own(readers):
        try:
            single_step(run.folder)
        except ConfigError as error:
            st.session_state[REFUSED] = str(error)


def resume(readers: Sequence[RunReader]) -> None:
    """Let paused runs go on, and ask for a process for those that none trains."""
    steer(readers, pause=False, stop=False)
    resting = [run.name for run in find_own(readers) if run.status not in LIVE and run.status != "finished"]
    if resting:
        try:
            continue_runs(resting)
        except ConfigError as error:
            st.session_state[REFUSED] = str(error)


def leave_queue(job: Job) -> None:
    """Take a job of this visitor's out of the queue."""
    if may_steer(job.visitor):
        jobs().leave(job)


def show_steering(readers: Sequence[RunReader], asked: bool) -> None:
    """The buttons of runs that this visitor may steer; a sentence where they are somebody else's.

    Args:
        readers: the runs, at least one.
        asked: whether a process for them is at work, or waits for its turn.
    """
    names = "this run" if len(readers) == 1 else "these runs"
    if len(find_own(readers)) < len(readers):
        st.caption(f"Somebody else started {names}, so you can only watch. Press Start to train your own.")
        return
    running = any(run.status == "running" for run in readers)
    paused = any(run.status == "paused" for run in readers)
    over = all(run.status == "finished" for run in readers)
    rests = paused or not (running or over or asked)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.button("Pause", on_click=pause, args=(readers,), disabled=not running)
        st.button("Single step", on_click=take_one_step, args=(readers,), disabled=not paused)
        st.button("Resume", on_click=resume, args=(readers,), disabled=not rests)
        st.button("Stop", on_click=steer, args=(readers,), kwargs={"stop": True}, disabled=not (running or paused))
        if running or paused:
            _change_numbers(readers)
    asked_line = st.empty()  # has its place also without words: what follows would be seen twice after a stop
    if words := _asked(readers):
        asked_line.caption(words)


def _asked(readers: Sequence[RunReader]) -> str:
    """What was asked of runs that have not done it yet, which takes them up to a step."""
    running = [read_control(run.folder) for run in readers if run.status == "running"]
    if any(control and control.stop for control in running):
        return "Stopping after the current step …"
    return "Pausing after the current step …" if any(control and control.pause for control in running) else ""


def _change_numbers(readers: Sequence[RunReader]) -> None:
    """Fields for the learning rate of all, and for the threshold of each that clips."""
    controls = [(run, label, read_control(run.folder)) for run, label in zip(readers, labels(readers), strict=True)]
    if (first := controls[0][2]) is not None:
        _show_number("New learning rate", "learning_rate", first.learning_rate, readers)
    for run, label, control in controls:
        if control is not None and control.clip_threshold is not None:
            _show_number(f"New clip threshold: {label}", "clip_threshold", control.clip_threshold, [run])


def _show_number(label: str, name: str, value: float, readers: Sequence[RunReader]) -> None:
    """A field that begins with what these runs have been told."""
    of_new_runs = CONTROLS[name]
    assert isinstance(of_new_runs, Slide)
    key = f"now-{name}-{readers[0].name}"
    if st.session_state.get(key) != value:
        st.session_state[key] = value
    lowest = of_new_runs.lowest or SMALLEST_THRESHOLD
    control = replace(of_new_runs, label=label, lowest=lowest, least="", help=None)
    number_field(control, key, then=_take_number, args=(name, key, readers))


def _take_number(name: str, key: str, readers: Sequence[RunReader]) -> None:
    steer(readers, **{name: st.session_state[key]})


def show_place(job: Job, key: str) -> None:
    """Show a waiting job's place in the queue, and a button to leave it."""
    before = jobs().runs_before(job)
    own_job = job.visitor == visitor()
    whose = "yours" if own_job else "this one"
    place = f"{before} runs are ahead of {whose}" if before > 1 else f"1 run is ahead of {whose}"
    st.info(
        f"All cores are busy. {place if before else f'{whose.capitalize()} is next'}. Training starts by itself, also "
        "if you close this page."
    )
    if may_steer(job.visitor):
        st.button("Leave the queue", key=key, on_click=leave_queue, args=(job,))

"""Train: start runs and watch their gradients as they learn, or fail to."""

from typing import Any

import streamlit as st

from analysis.clipping import CLIP_RULES
from analysis.figures.theme import cell_name
from dashboard.components.as_text import as_text
from dashboard.components.show import in_two_columns
from dashboard.components.style import page_style
from dashboard.controls import TASK_WORDS
from dashboard.jobs import RUNS, jobs
from experiments.config import ConfigError, RunConfig
from experiments.control import change_control, read_control, single_step
from experiments.run_findings import run_findings
from experiments.run_pictures import labels, run_pictures
from experiments.runs import named_in
from experiments.store.errors import RunError
from experiments.store.reader import RunReader, open_run
from experiments.tasks import TASKS
from experiments.words import cut
from models.registry import CELLS

SECOND = {
    "none": "one lane only",
    "unclipped": "the same without clipping",
    "cell": "the same with another cell",
    "initialisation": "the same, orthogonal at the start",
}
LIVE = ("running", "paused")
MOST_LANES = 4
"""That an address may name."""


def setup() -> list[RunConfig]:
    """The lanes' configurations, from the sidebar.

    Raises:
        ConfigError: the first value that is not allowed.
    """
    values: dict[str, Any] = {}
    with st.sidebar:
        values["task"] = st.selectbox("Task", list(TASKS), format_func=lambda t: TASK_WORDS.get(t, t), index=1)
        values["cell"] = st.selectbox("Cell", list(CELLS), format_func=cell_name)
        left, right = st.columns(2)
        values["seq_len"] = left.number_input("Sequence length", 1, 1000, 30)
        values["hidden_size"] = right.number_input("Hidden units", 1, 512, 50)
        values["batch_size"] = left.number_input("Batch", 1, 256, 20)
        values["steps"] = right.number_input("Steps", 1, 1_000_000, 30_000, step=1000)
        values["optimiser"] = left.selectbox("Optimiser", ["sgd", "momentum", "adam", "rmsprop"])
        values["learning_rate"] = right.number_input("Learning rate", 1e-8, 10.0, 0.01, step=0.001, format="%.4g")
        threshold = left.number_input("Clip at (0: never)", 0.0, 1e6, 1.0)
        values["clip_threshold"] = threshold or None
        values["clip_rule"] = right.selectbox("Clip by", list(CLIP_RULES))
        values["initialisation"] = st.selectbox("Recurrent weights begin", ["gaussian", "default", "orthogonal"])
        values["gain"] = left.number_input("Gaussian gain", 0.01, 10.0, 0.7)
        values["record_every"] = right.number_input("Record every", 1, 10_000, 50)
        values["seed"] = left.number_input("Seed", 0, 2**31, 0)
        second = st.selectbox("Second lane", list(SECOND), format_func=SECOND.__getitem__, index=1)
        other = st.selectbox("Its cell", [c for c in CELLS if c != values["cell"]]) if second == "cell" else None
    lanes = [RunConfig.from_values(values)]
    changes: dict[str, dict[str, Any]] = {
        "unclipped": {"clip_threshold": None},
        "cell": {"cell": other},
        "initialisation": {"initialisation": "orthogonal"},
    }
    if second in changes:
        lanes.append(RunConfig.from_values({**values, **changes[second]}))
    return lanes if len({lane.identity() for lane in lanes}) == len(lanes) else lanes[:1]


def start(lanes: list[RunConfig]) -> None:
    """Start a training process, and watch its runs."""
    try:
        st.session_state["job"] = jobs().start(lanes)
    except ConfigError as error:
        st.session_state["refused"] = str(error)
        return
    st.session_state["watched"] = [lane.identity() for lane in lanes]
    st.session_state["live"] = True


def steer(names: list[str], **changes: object) -> None:
    """Change what all watched runs are asked to do."""
    for name in names:
        try:
            change_control(RUNS / name, **changes)
        except ConfigError as error:
            st.session_state["refused"] = str(error)


def one_step(names: list[str]) -> None:
    """Let each paused run take one step."""
    for name in names:
        single_step(RUNS / name)


def resume(names: list[str]) -> None:
    """Let paused runs go on, and start a process for those that none trains."""
    steer(names, pause=False, stop=False)
    resting = [r.name for r in watched(names) if r.status not in LIVE]
    if resting:
        try:
            st.session_state["job"] = jobs().start(resting)  # `live` sees it, and reruns the page
        except ConfigError as error:
            st.session_state["refused"] = str(error)


def watched(names: list[str]) -> list[RunReader]:
    """The runs that are there by now."""
    readers = []
    for name in names:
        try:
            readers.append(open_run(RUNS / name))
        except RunError:
            continue  # its process has not made it yet
    return readers


def buttons(names: list[str], readers: list[RunReader]) -> None:
    """Pause, single step, resume, stop; learning rate and threshold while it runs."""
    running = any(r.status == "running" for r in readers)
    paused = any(r.status == "paused" for r in readers)
    over = all(r.status == "finished" for r in readers) and bool(readers)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.button("Pause", on_click=steer, args=(names,), kwargs={"pause": True}, disabled=not running)
        st.button("Single step", on_click=one_step, args=(names,), disabled=not paused)
        st.button("Resume", on_click=resume, args=(names,), disabled=running or over or not readers)
        st.button("Stop", on_click=steer, args=(names,), kwargs={"stop": True}, disabled=not (running or paused))
        control = read_control(RUNS / names[0]) if readers else None
        if control is not None and (running or paused):
            rate = st.number_input("Learning rate now", value=control.learning_rate, format="%.4g", key="rate-now")
            if rate != control.learning_rate:
                steer(names, learning_rate=rate)
            for name, label in zip(names, labels(readers), strict=False):
                now = read_control(RUNS / name)
                if now is not None and now.clip_threshold is not None:
                    wanted = st.number_input(f"Clip at now: {label}", value=now.clip_threshold, key=f"clip-{name}")
                    if wanted != now.clip_threshold:
                        steer([name], clip_threshold=wanted)


def happened(readers: list[RunReader]) -> None:
    """The runs' events, the latest first."""
    events = [{"run": r.name, **{k: e.get(k) for k in ("step", "kind", "text")}} for r in readers for e in r.events()]
    if events:
        st.markdown("##### What happened")
        st.dataframe(events[::-1], hide_index=True, width="stretch")


def live(names: list[str]) -> None:
    """What the runs have committed so far; drawn again every second while they run."""
    readers = watched(names)
    job = st.session_state.get("job")
    working = job is not None and job.process.poll() is None
    if job is not None and job.error:
        st.error(as_text(job.error))
    if refused := st.session_state.pop("refused", None):
        st.error(as_text(refused))
    if not readers:
        if job is None or not job.error:
            st.info("There is no such run here." if job is None else "The run is being prepared…")
        return
    buttons(names, readers)
    for reader, label in zip(readers, labels(readers), strict=True):
        p = reader.progress
        status = "starting" if working and reader.status == "interrupted" else reader.status
        st.progress(
            min(p.step / reader.config.steps, 1.0),
            f"**{as_text(label)}** · {status}{f' ({as_text(cut(p.reason))})' if p.reason else ''} · step {p.step:,} of "
            f"{reader.config.steps:,} · run {reader.name}",
        )
        for finding in run_findings(reader):
            st.warning(f"**{finding.title}.** {finding.evidence} {finding.remedy}")
    try:
        in_two_columns(run_pictures(readers), "train")
        happened(readers)
    except RunError as error:
        st.error(as_text(error))
    now = working or any(r.status in LIVE for r in readers)
    if st.session_state.get("live", True) != now:
        st.session_state["live"] = now
        st.rerun()


page_style()
st.title("Watch a network learn, or fail to")
chosen: list[RunConfig] = []
try:
    chosen = setup()
except ConfigError as error:  # what trains is watched and steered all the same
    st.error(as_text(error))
if "watched" not in st.session_state and st.query_params.get("runs"):
    st.session_state["watched"] = named_in(st.query_params["runs"])[:MOST_LANES]
names = st.session_state.get("watched", [])
st.sidebar.button("Start", type="primary", width="stretch", on_click=start, args=(chosen,), disabled=not chosen)
if not names:
    st.markdown(
        "Two lanes train in lockstep from one seed, so that a difference is seen as it arises. The sidebar holds a "
        "classic: temporal order over 30 steps, with clipping and without."
    )
    # here, too: on a phone the sidebar is closed
    st.button("Start", type="primary", on_click=start, args=(chosen,), key="start-here", disabled=not chosen)
else:
    st.query_params["runs"] = ",".join(names)
    st.fragment(live, run_every=1.0 if st.session_state.get("live", True) else None)(names)

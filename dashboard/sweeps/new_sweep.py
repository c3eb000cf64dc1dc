"""A new sweep from a TOML text: what it will cost, then its start; and the buttons of one that works or rests."""

from collections.abc import Mapping, Sequence

import streamlit as st

from analysis.wording import counted, duration
from dashboard.components.as_text import as_text
from dashboard.components.refusal import refuse
from dashboard.server.serving import workers
from dashboard.session import read_session
from dashboard.sweeps.processes import examples, plan_for_page, processes
from dashboard.train import jobs
from experiments.config.limits import readable
from experiments.errors import ConfigError
from experiments.sweeps.estimate import estimate
from experiments.sweeps.folder import SweepFolder, list_sweeps
from experiments.sweeps.index import Results, load_results
from experiments.sweeps.plan import Plan

_SOURCE, _REFUSED, _ESTIMATE = "new-sweep-source", "sweeps-refused", "new-sweep-estimate"
_EXAMPLE, _STARTED = "new-sweep-example", "sweeps-started"
FORM = """name = "my_sweep"
kind = "probe"  # one recorded pass per run; "run" trains
seeds = 2

[fixed]
hidden_size = 32

[axes]
cell = ["elman", "gru"]
largest_singular_value = [0.5, 1.0, 2.0]
seq_len = [25, 50, 100]

[show]
value = "decay_rate"
rows = "seq_len"
columns = "largest_singular_value"
"""


def show_new_sweep(expanded: bool) -> None:
    """The text of a sweep, its estimate, and the button that starts it."""
    if sentence := st.session_state.pop(_REFUSED, None):
        refuse(str(sentence))
    with st.expander("New sweep", icon=":material/add:", expanded=expanded):
        texts = {"small form": FORM, **examples()}
        st.session_state.setdefault(_SOURCE, FORM)
        st.selectbox("Begin with", list(texts), key=_EXAMPLE, format_func=_spaced, on_change=_take, args=(texts,))
        st.text_area("Sweep, as TOML", key=_SOURCE, height=320, on_change=_forget_estimate)
        with st.container(horizontal=True):
            st.button("Estimate", on_click=_estimate)
            said = read_session(_ESTIMATE, str, "")
            st.button("Start sweep", type="primary", on_click=_start_written, disabled=not said)
        st.markdown(as_text(said) if said else "First estimate its time and disk space. Then start it.")


def _spaced(name: str) -> str:
    return name.replace("_", " ")


def _take(texts: Mapping[str, str]) -> None:
    """Put the chosen text into the field. For a widget's callback."""
    st.session_state[_SOURCE] = texts.get(str(st.session_state[_EXAMPLE]), FORM)
    _forget_estimate()


def _forget_estimate() -> None:
    st.session_state.pop(_ESTIMATE, None)


def _written() -> str:
    """What is in the field now: a press may come with the last letters."""
    return read_session(_SOURCE, str, FORM)


def _estimate() -> None:
    """Say what a sweep will cost. For a button's callback."""
    try:
        plan = plan_for_page(_written())
        results = load_results(SweepFolder(jobs.RUNS, plan.name), plan)
        st.session_state[_ESTIMATE] = describe_cost(plan, results)
    except ConfigError as error:
        st.session_state[_REFUSED] = str(error)


def describe_cost(plan: Plan, results: Results) -> str:
    """How many runs are left, and what they will take; as `sweep --dry-run` says it.

    Raises:
        ConfigError: no run can be built.
    """
    left = [run for run, done in zip(plan.runs, results.done, strict=True) if not done]
    cost = estimate(results, left, workers())
    took = f"at most about {duration(cost.seconds)} on {counted(workers(), 'worker')}"
    words = f"{counted(len(plan.runs), 'run')}, {len(left):,} left. They will take {took} and about "
    return f"{words}{readable(cost.bytes)} of disk; from {cost.basis}."


def _start_written() -> None:
    _start(_written())


def _start(source: str, *name: str) -> None:
    """Start a sweep, and show it. For a button's callback."""
    try:
        plan = plan_for_page(source, *name)
        processes().start(plan)
    except ConfigError as error:
        st.session_state[_REFUSED] = str(error)
        return
    _forget_estimate()
    st.session_state[_STARTED] = plan.name


def show_steering(results: Results) -> None:
    """*Pause* for a sweep that this server has at work, *Continue* for one with runs left."""
    works = processes().works(results.plan.name)
    st.fragment(_show_buttons, run_every=1.0 if works else None)(results, works)


def _show_buttons(results: Results, worked: bool) -> None:
    name, pool = results.plan.name, processes()
    if pool.works(name) != worked:
        st.rerun()
    if error := pool.errors.get(name):
        refuse(error)
    if worked:
        words = "End after the steps at hand. What was done is kept."
        st.button("Pause", icon=":material/pause:", on_click=pool.stop, args=(name,), help=words)
    elif not results.done.all():
        st.button("Continue", icon=":material/play_arrow:", on_click=_start, args=(results.plan.source, name))


def choose_started(names: Sequence[str]) -> None:
    """Choose the sweep that was just started, once its folder is there; until then, look again every second."""
    started = read_session(_STARTED, str, "")
    if started in names:
        st.session_state["sweep-name"] = st.session_state.pop(_STARTED)
    elif started and processes().works(started):
        st.info(f"The sweep {started} is being prepared …")
        st.fragment(_look_again, run_every=1.0)(started)
    elif started:
        del st.session_state[_STARTED]
        if error := processes().errors.get(started):
            refuse(error)


def _look_again(started: str) -> None:
    if not processes().works(started) or started in [folder.name for folder in list_sweeps(jobs.RUNS)]:
        st.rerun()

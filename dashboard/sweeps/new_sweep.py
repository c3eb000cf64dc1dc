"""A new sweep from a form or a TOML text: what it will cost, then its start; and the buttons that steer one."""

from collections.abc import Mapping, Sequence

import streamlit as st

from analysis.wording import counted
from dashboard.components.as_text import as_text
from dashboard.components.refusal import refuse
from dashboard.explore.control import OneOf
from dashboard.server.serving import workers
from dashboard.session import read_session
from dashboard.sweeps.form import keep_form, show_form, written_form
from dashboard.sweeps.kept_choices import asked_sweep
from dashboard.sweeps.new_settings import NEW, SMALL
from dashboard.sweeps.processes import examples, plan_for_page, processes
from dashboard.train import jobs
from dashboard.train.programs import programs
from experiments.config.run_config import RunConfig
from experiments.config.words import shortened
from experiments.errors import ConfigError
from experiments.sweeps.estimate import estimate
from experiments.sweeps.folder import SweepFolder, list_sweeps
from experiments.sweeps.index import Results, load_results
from experiments.sweeps.plan import Plan

_REFUSED, _ESTIMATE = "sweeps-refused", "new-sweep-estimate"
_TO_CORRECT = "new-sweep-to-correct"
"""Whether a mistake keeps the form open, from its refusal until a sweep is started."""
_NOT_CONTINUED = "sweeps-not-continued"
_EXAMPLE, _STARTED = "new-sweep-example", "sweeps-started"
CORRECT = "Something above is not allowed. Correct what is marked, then press Estimate again."
FIRST = "First estimate its time and disk space. Then start it."


def show_new_sweep(expanded: bool) -> None:
    """The form or the text of a sweep, its estimate, and the button that starts it."""
    NEW.prepare()
    refused = st.session_state.pop(_REFUSED, None)
    to_correct = read_session(_TO_CORRECT, bool, False)
    with st.expander("New sweep", icon=":material/add:", expanded=expanded or to_correct):
        ways = NEW.controls["new_as"]
        assert isinstance(ways, OneOf)
        way = st.segmented_control(
            ways.label, ways.options, format_func=ways.options.__getitem__, key=NEW.key("new_as"), required=True
        )
        marked = 0
        if way == "toml":
            _show_text()
        else:
            marked = show_form()
        keep_form()
        estimated = read_session(_ESTIMATE, tuple, ("", ""))
        said = str(estimated[1]) if estimated[0] == _source_or_nothing() else ""
        with st.container(horizontal=True):
            st.button("Estimate", on_click=_estimate)
            st.button("Start sweep", type="primary", on_click=_start_written, disabled=not said)
            if way != "toml":
                st.button("Edit as TOML", type="tertiary", on_click=_take_form)
        if refused:
            refuse(CORRECT if marked else str(refused))
        else:
            st.markdown(as_text(said) if said else FIRST)


def _keep_refusal(error: ConfigError) -> None:
    """Let the form say what is wrong with it."""
    st.session_state[_REFUSED], st.session_state[_TO_CORRECT] = str(error), True


def _show_text() -> None:
    texts = {"small form": SMALL, **examples()}
    st.selectbox("Begin with", list(texts), key=_EXAMPLE, format_func=_spaced, on_change=_take, args=(texts,))
    st.text_area(NEW.controls["new_toml"].label, key=NEW.key("new_toml"), height=320)


def _spaced(name: str) -> str:
    return name.replace("_", " ")


def _take(texts: Mapping[str, str]) -> None:
    """Put the chosen text into the field. For a widget's callback."""
    NEW.set({"new_toml": texts.get(str(st.session_state[_EXAMPLE]), SMALL)})


def _take_form() -> None:
    """Go on with the form's text as TOML. For a button's callback."""
    keep_form()
    try:
        NEW.set({"new_toml": written_form(), "new_as": "toml"})
    except ConfigError as error:
        _keep_refusal(error)


def _source() -> str:
    """The TOML text of the form, or what is in the field now: a press may come with the last letters.

    Raises:
        ConfigError: a value of the form is not allowed.
    """
    values = NEW.values()
    return str(values["new_toml"]) if values["new_as"] == "toml" else written_form()


def _source_or_nothing() -> str | None:
    try:
        return _source()
    except ConfigError:
        return None


def _estimate() -> None:
    """Say what a sweep will cost. For a button's callback."""
    keep_form()
    try:
        source = _source()
        plan = plan_for_page(source)
        results = load_results(SweepFolder(jobs.RUNS, plan.name), plan)
        st.session_state[_ESTIMATE] = (source, describe_cost(plan, results))
        programs.prepare()  # to start it is the next step
    except ConfigError as error:
        _keep_refusal(error)


def describe_cost(plan: Plan, results: Results) -> str:
    """How many runs are left, and what they will take; as `sweep --dry-run` says it.

    Raises:
        ConfigError: no run can be built.
    """
    left = [run for run, done in zip(plan.runs, results.done, strict=True) if not done]
    cost = estimate(results, left, workers())
    runs = f"{counted(len(plan.runs), 'run')}{_say_steps(plan)}"
    if not left:
        return f"{runs}, all of them recorded already."
    took = cost.in_words(plan.kind, workers())
    return f"{runs}, {len(left):,} left. They will take {took}, judging by {cost.basis}."


def _say_steps(plan: Plan) -> str:
    """How long the trainings are, if all are equally long."""
    if plan.kind != "run" or "steps" in plan.axes:
        return ""
    steps = int(str(plan.fixed.get("steps", RunConfig().steps)))
    return f" of {steps:,} {'step' if steps == 1 else 'steps'}"


def _start_written() -> None:
    """Start the form's sweep. For a button's callback."""
    keep_form()
    try:
        _start(_source())
    except ConfigError as error:
        _keep_refusal(error)


def _start(source: str, *name: str) -> None:
    """Start a sweep, and show it.

    Raises:
        ConfigError: it cannot be started.
    """
    plan = plan_for_page(source, *name)
    processes().start(plan)
    st.session_state.pop(_ESTIMATE, None)
    st.session_state.pop(_TO_CORRECT, None)
    st.session_state[_STARTED] = plan.name


def _continue(source: str, name: str) -> None:
    """Go on with the sweep that is shown. For a button's callback."""
    try:
        _start(source, name)
    except ConfigError as error:
        st.session_state[_NOT_CONTINUED] = str(error)


def show_steering(results: Results) -> None:
    """*Pause* and *Stop* for a sweep that this server has at work, *Continue* for one with runs left."""
    works = processes().works(results.plan.name)
    if sentence := st.session_state.pop(_NOT_CONTINUED, None):
        refuse(str(sentence))
    st.fragment(_show_buttons, run_every=1.0 if works else None)(results, works)


def _show_buttons(results: Results, worked: bool) -> None:
    name, pool = results.plan.name, processes()
    if pool.works(name) != worked:
        st.rerun()
    if error := pool.errors.get(name):
        refuse(error)
    if worked:
        with st.container(horizontal=True):
            words = "Finish the steps that run now, then pause. All results are kept."
            pauses = name in pool.pausing
            st.button("Pause", icon=":material/pause:", on_click=pool.pause, args=(name,), help=words, disabled=pauses)
            words = "Stop at once. Recorded steps are kept; the others are lost."
            st.button("Stop", icon=":material/stop:", on_click=pool.stop, args=(name,), help=words)
        line = st.empty()
        if pauses:
            line.caption("Pausing after the current steps …")
    elif not results.done.all():
        st.button("Continue", icon=":material/play_arrow:", on_click=_continue, args=(results.plan.source, name))


def say_there_are_none(is_awaited: bool) -> None:
    """In the place of a choice: that there is no sweep, nor the one of the address; nothing while one starts."""
    if is_awaited:
        return
    if asked := asked_sweep():
        st.error(as_text(f"There is no sweep {shortened(asked)}, nor another one yet. Start one above."))
    else:
        st.markdown("There are no sweeps yet. Start one above.")


def choose_started(names: Sequence[str]) -> bool:
    """Choose the sweep that was just started, once its folder is there; until then, look again every second.

    Returns whether it is still being prepared.
    """
    started = read_session(_STARTED, str, "")
    if started in names:
        st.session_state["sweep-name"] = st.session_state.pop(_STARTED)
    elif started and processes().works(started):
        st.info(f"The sweep {started} is being prepared …")
        st.button("Cancel", on_click=processes().stop, args=(started,))
        st.fragment(_look_again, run_every=1.0)(started)
        return True
    elif started:
        del st.session_state[_STARTED]
        if error := processes().errors.get(started):
            refuse(error)
    return False


def _look_again(started: str) -> None:
    if not processes().works(started) or started in [folder.name for folder in list_sweeps(jobs.RUNS)]:
        st.rerun()

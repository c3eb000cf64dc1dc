"""One run at one recorded step: its profile follows the hand, the rest is drawn when the hand lets go."""

from dataclasses import replace
from pathlib import Path

import streamlit as st

from analysis.figures.symbols import Symbols, with_symbols
from dashboard.components.address import visit_number, write_address
from dashboard.components.refusal import refuse
from dashboard.components.scrub_slider import scrub_slider
from dashboard.components.show import show
from dashboard.explore.layer_choice import choose_layer, in_words
from dashboard.runs.answers import show_answers
from dashboard.runs.kept import KEPT, choice_number, nearest
from dashboard.runs.step_in_sight import step_in_sight
from dashboard.runs.step_panels import show_kept_states, show_panels, trained_network
from dashboard.session import read_session
from experiments.config.words import cut, visible
from experiments.errors import ConfigError
from experiments.probing.layer_choice import describe_layer, index_of_layer
from experiments.probing.recorded_pass import RecordedPass
from experiments.runs.step_profiles import Profiles, profile_at, profiles, step_picture
from experiments.runs.store.layers import row_of
from experiments.runs.store.layout import ending
from experiments.runs.store.reader import RunReader

LONGEST_NAME = 100
"""Characters of a module's name that are shown."""


@st.fragment
def show_recorded_step(run: RunReader) -> None:
    """The slider over the run's recorded steps, and the chosen one; a sentence where it cannot be shown.

    A sentence here, since Streamlit catches what leaves a fragment.
    """
    try:
        if not len(run.tensor("step")):
            st.info("This run has not saved a recorded step yet.")
            return
        KEPT.prepare()
        run = _choose_module(run)
        number, backwards = _choose_layer(run)
        stack = run.form.stack
        layer = index_of_layer(number, backwards, stack.num_layers, stack.num_directions)
        found = _recorded_profiles(run, run.folder, run.index, layer, run.progress.updated)
        step = _choose_step(run, found)
        network = None if run.form.lacks() else trained_network(run, step, number, backwards)
        p = profile_at(run, row_of(run, step), layer) if network is None else network.profile
        _open_button(run, step)
        picture = step_picture(run, p, found.among_at(step), None if network is None else network.cell_state)
        top = stack.num_directions * (stack.num_layers - 1)
        words = describe_layer(top if layer is None else layer, stack.num_layers, stack.num_directions)
        show(in_words(with_symbols(picture, _choose_symbols(run, network)), words), _profile_key(run))
        if network is not None:
            show_answers(run, network)
        if network is None:
            st.info(run.form.lacks())
            show_kept_states(run, step, top if layer is None else layer)
        else:
            show_panels(run, network)
        KEPT.keep()
        write_address(KEPT.link({}))
    except ConfigError as error:
        refuse(error)


def _choose_symbols(run: RunReader, network: RecordedPass | None) -> Symbols | None:
    """The first sequence, and whether it is lit; None where no task is known."""
    if network is None or network.symbols is None:
        return None
    lit = st.toggle("Light what the loss hears", key=KEPT.key("lit"))
    heard = {run.form.stack.cell: network.heard} if lit and network.heard is not None else {}
    return replace(network.symbols, heard=heard)


def _open_button(run: RunReader, step: int) -> None:
    """A way to Explore, for the network as it was at this step."""
    if run.form.keeps == "quantiles":
        return
    words = "Drag this network's singular values and biases, and watch its gradient. Its inputs are drawn anew there."
    if st.button("Open in Explore", key=f"explore-{run.name}", icon=":material/tune:", help=words):
        which = {"layer": str(run.index)} if run.index else {}
        st.switch_page("dashboard/explore/page.py", query_params={"run": run.name, "step": str(step), **which})


@st.cache_data(max_entries=4, show_spinner=False)
def _recorded_profiles(_run: RunReader, folder: Path, index: int, layer: int | None, updated: float) -> Profiles:
    """A run's profiles, kept while the slider asks for them again at each release; known by folder and last commit."""
    return profiles(_run, layer)


def _choose_layer(run: RunReader) -> tuple[int, bool]:
    """The layer and the direction that are looked at."""
    stack = run.form.stack
    return choose_layer(stack.num_layers, stack.num_directions, KEPT.key("layer"), KEPT.key("direction"))


def _choose_module(run: RunReader) -> RunReader:
    """The module of a watched network that is looked at; no choice where there is one."""
    if len(run.forms) == 1:
        return run
    names = [visible(cut(name or "the network itself", LONGEST_NAME)) for name in run.forms]
    if not 0 <= read_session(KEPT.key("module"), int, 0) < len(names):
        st.session_state[KEPT.key("module")] = 0
    chosen = st.selectbox("Module", range(len(names)), format_func=names.__getitem__, key=KEPT.key("module"))
    return run.of(list(run.forms)[chosen if chosen in range(len(names)) else 0])


def _choose_step(run: RunReader, found: Profiles) -> int:
    """The optimiser step on which the hand has let go."""
    texts = [f"optimiser step {step:,} of {run.progress.step:,}" for step in found.step.tolist()]
    asked, steps = int(str(KEPT.values()["step"])), found.step.tolist()
    if steps[-1] < run.progress.step and run.status != "running":
        texts[-1] += ", the last recorded one"
    frame = len(texts) - 1
    if len(texts) > 1:
        chart = _profile_key(run)
        # a new visit, and another choice of runs, begin where the address says
        key = f"at-{run.name}{ending(run.index)}-{visit_number()}-{choice_number()}"
        first = nearest(steps, asked)
        with step_in_sight():
            frame = scrub_slider("Recorded step", texts=texts, shown=found, chart=chart, key=key, first=first)
    else:
        st.markdown(texts[0].capitalize())
    KEPT.set({"step": steps[frame] if frame < len(texts) - 1 else 0})
    write_address(KEPT.link({}))  # before the charts, whose downloads carry it
    if found.note:
        st.caption(found.note)
    return int(found.step[frame])


def _profile_key(run: RunReader) -> str:
    return f"scrub-profile-{run.name}{ending(run.index)}"

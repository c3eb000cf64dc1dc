"""Explore's present state to take away: a link, a Python snippet, a web page."""

import shlex
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

import streamlit as st

from dashboard.components.refusal import refuse
from dashboard.components.source import source
from dashboard.explore.configs import network_values, page_configs, run_values
from dashboard.explore.explore_frame import explore_html
from dashboard.explore.link import write_link
from dashboard.explore.networks import OpenedNetwork, controls_of, network_of
from dashboard.explore.session import keep_settings, kept_settings
from dashboard.explore.settings import NOISE, Settings
from dashboard.explore.view import View
from dashboard.server.serving import is_personal
from dashboard.train import jobs
from dashboard.train.settings import take_lanes
from dashboard.train.watching import leave_runs
from experiments.config.run_config import RunConfig
from experiments.config.words import bare, visible
from experiments.errors import ConfigError
from experiments.probing.given_network import TrainedNetwork
from experiments.runs.folder import DEFAULT_RUNS
from experiments.weights import FoundStack

_SNIPPET = """import gradient_flow_lab as gfl

for cell in {cells}:
    result = gfl.probe(gfl.RunConfig(cell=cell{arguments}))
    print(cell, result.trace.loss.item(), result.profile.decay.rate)
    print(result.profile.median.tolist())  # ln of the size of dL/dh_t, t = 1 ... T
"""


@st.fragment
def show_link() -> None:
    """A link and code, written when they are asked for, so that a drag does not write them anew."""
    if kept_settings().is_drawn:
        _train_button()
    if st.button("Link and Python" if kept_settings().is_drawn else "Link and command", type="tertiary"):
        try:
            settings, _ = keep_settings()
            _write_out(settings, network_of(settings))
        except ConfigError as error:
            refuse(error)


def _train_button() -> None:
    """A way to Train, with these settings: a lane per cell, of the first two."""
    words = "Go to Train with these settings: one lane, or two for two cells."
    if st.button("Train this", type="tertiary", icon=":material/model_training:", help=words):
        try:
            configs = page_configs(keep_settings()[0])
            if not configs:
                st.info("Choose at least one cell in the sidebar.")
                return
            leave_runs()
            take_lanes(configs[:2])
        except ConfigError as error:
            refuse(error)
            return
        st.switch_page("dashboard/train/page.py")


def _write_out(settings: Settings, opened: OpenedNetwork | None) -> None:
    page = (st.context.url or "").split("?")[0]
    if settings.upload:
        st.markdown("An uploaded file has no link, since only you can open it.")
    else:
        st.markdown("This address opens the page as it is now:")
        link = urlencode(write_link(settings, controls_of(opened)))
        st.code(f"{page}?{link}", language=None, wrap_lines=True)
    if opened is None:
        st.markdown("In the project's folder, this Python code prints the page's numbers:")
        st.code(_write_snippet(settings), language="python")
    else:
        st.markdown("This command prints the page's numbers:")
        st.code(shlex.join(write_command(settings, opened)), language="bash", wrap_lines=True)


def write_command(settings: Settings, opened: OpenedNetwork) -> list[str]:
    """The command that records the page's pass: of a run at a step, or of the visitor's own file."""
    network, values = opened.network, network_values(settings, opened)
    own = network.settings if isinstance(network, TrainedNetwork) else {}
    default = {**RunConfig().model_dump(), **own}
    words = [f"{name}={bare(value)}" for name, value in values.items() if default[name] != value]
    words.append(f"clip_threshold={bare(settings.threshold)}")
    if isinstance(network, TrainedNetwork):
        module = ["--layer", visible(network.module)] if settings.layer else []
        which = [network.run, "--step", str(network.step), *module, *_runs_folder()]
    else:
        name = ["--layer", visible(network.name)] if isinstance(network, FoundStack) and settings.layer else []
        which = ["--weights", opened.file, *name]
    inputs = ["--inputs", NOISE] if settings.inputs == NOISE else []
    return ["python", "-m", "experiments", "probe", *which, *inputs, *words]


def _runs_folder() -> list[str]:
    """Where the run is, for a command line that would look elsewhere; strangers learn of no folder of the server."""
    return ["--runs", str(jobs.RUNS)] if is_personal() and Path(DEFAULT_RUNS).resolve() != jobs.RUNS else []


def _write_snippet(settings: Settings) -> str:
    """Python that prints the page's numbers through the public API."""
    default = RunConfig().model_dump()
    given = {name: value for name, value in run_values(settings).items() if default[name] != value}
    arguments = "".join(f", {name}={value!r}" for name, value in given.items())
    return _SNIPPET.format(cells=[*settings.cells], arguments=arguments)


def write_recipe(view: View) -> dict[str, str]:
    """A file that says how to get the numbers again: Python, or the command over given weights."""
    if view.network is None:
        return {"snippet.py": _write_snippet(view.settings)}
    return {"command.txt": shlex.join(write_command(view.settings, view.network)) + "\n"}


def web_page_button(view: View) -> None:
    """The charts as a file; drawn when it is asked for."""
    st.download_button(
        "Web page", partial(explore_html, view, source().link), file_name="explore.html", mime="text/html",
        type="tertiary", on_click="ignore",
        help="Download the charts and their words as one file. It opens in any browser.",
    )  # fmt: skip

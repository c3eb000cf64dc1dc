"""Explore: drag a value and watch the gradient vanish or explode."""

from collections.abc import Mapping, Sequence
from typing import Literal
from urllib.parse import urlencode

import streamlit as st

from analysis.course import begin_sentence
from analysis.figures.theme import cell_name
from dashboard.components.as_text import as_text
from dashboard.components.live_lab import live_lab
from dashboard.components.projector import PARAMETER, projector_on, projector_style, projector_switch
from dashboard.components.refusal import refuse
from dashboard.components.show import show
from dashboard.components.style import page_style
from dashboard.explore.advice import advise, describe_changes
from dashboard.explore.controls import page_values, run_values, sidebar, under_the_hand
from dashboard.explore.explore_frame import HERO, explore_frame, explore_html
from dashboard.explore.panels import DIAGNOSIS, PANELS, SPECTRUM
from dashboard.explore.presets import PRESETS
from dashboard.explore.scene import Scene, scene
from dashboard.explore.spectrum_by_hand import spectrum_by_hand
from dashboard.explore.state import OVERLAYS, SPECTRUM_REVISION, apply, keep, prepare, to_link
from dashboard.server.checks import Value
from experiments.config.run_config import ConfigError, RunConfig

MOST_REFUSED = 5
"""Settings that the sentence about refused ones names."""


@st.fragment
def lab() -> None:
    """Controls, computation and charts in one fragment, so that a drag reruns nothing else."""
    under_the_hand()
    state, wrong = keep()
    pinned = st.session_state["pinned"]
    say_refused(wrong)
    if not state["cells"]:
        st.info("Choose at least one cell in the sidebar.")
        return
    try:
        shown = scene(state, pinned)
        frame = explore_frame(shown)
    except ConfigError as error:
        refuse(error)
        return
    hero, words = st.columns([7, 3], gap="medium")
    with hero:
        show(frame.pictures[HERO](), HERO)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.pills("Show beside it", OVERLAYS, selection_mode="multi", key="overlays")
            pin_button()
            web_page(shown)
    with words:
        st.markdown("##### What this says")
        live_lab("explore", {**state, "pinned": pinned}, frame.words())
    st.segmented_control("Look at", list(PANELS), key="panel", required=True)
    if state["panel"] == DIAGNOSIS:
        diagnosis(shown)
        return
    if state["panel"] == SPECTRUM:
        spectrum_by_hand(shown)
    panel = PANELS[str(state["panel"])](shown)
    if panel.note:
        st.info(panel.note)
    for row in panel.rows:
        for column, (key, draw) in zip(st.columns(len(row), gap="medium"), row.items(), strict=True):
            with column:
                show(draw(), key)


def say_refused(wrong: Sequence[str]) -> None:
    """Say in one sentence which settings of a link or a message are not allowed; each keeps its last value."""
    if wrong:
        some = "; ".join(wrong[:MOST_REFUSED])
        st.warning(as_text(f"These settings are not allowed and were left as they were: {some}."))


def diagnosis(shown: Scene) -> None:
    """What is wrong, with its numbers and what to do."""
    for column, (cell, r) in zip(st.columns(len(shown.probes), gap="medium"), shown.probes.items(), strict=True):
        with column:
            st.markdown(f"##### {cell_name(cell)}")
            findings = advise(shown, cell)
            if not findings:
                st.success(f"No finding. {begin_sentence(r.transport_course)}; no gate, unit or cell state is stuck.")
            for finding in findings:
                box = {"severe": st.error, "warning": st.warning, "note": st.info}[finding.severity]
                box(f"**{finding.title}.** {finding.evidence}\n\n{finding.remedy}")
                if finding.settings:
                    key = f"remedy-{cell}-{finding.kind}-{finding.title}"
                    st.button("Apply the remedy", key=key, on_click=remedy, args=(finding.settings,))
                    st.caption(f"It sets {describe_changes(shown.state, finding.settings)}.")


def remedy(settings: Mapping[str, object]) -> None:
    """Change the page's settings as a finding advises."""
    st.session_state[SPECTRUM_REVISION] = st.session_state.get(SPECTRUM_REVISION, 0) + 1
    for name, value in page_values(settings).items():
        st.session_state[name] = value


def presets() -> None:
    """Places to start, each with one sentence on what to drag."""
    chosen = st.session_state["preset"]
    with st.container(horizontal=True, gap="small"):
        for k, preset in enumerate(PRESETS):
            kind: Literal["secondary", "tertiary"] = "secondary" if chosen == k else "tertiary"
            st.button(preset.name, key=f"preset-{k}", on_click=choose, args=(k,), type=kind)
        st.space("stretch")
        projector_switch()
    st.markdown(PRESETS[chosen].try_this if chosen is not None else "Drag a value, or start from one of the above.")


@st.fragment
def take_away() -> None:
    """The present state to take away: written when asked for, so that a drag does not write it anew."""
    if st.button("Link and Python", type="tertiary"):
        state, _ = keep()
        page = (st.context.url or "").split("?")[0]
        st.markdown("This address opens the page as it is now:")
        st.code(f"{page}?{urlencode(to_link(state))}", language=None, wrap_lines=True)
        st.markdown("This prints the page's numbers:")
        st.code(snippet(state), language="python")


def pin_button() -> None:
    """Keep the present state as A, or let it go."""
    if st.session_state["pinned"] is None:
        words = "Keep the present lines as A, and compare what you change with them."
        st.button("Pin as A", type="tertiary", on_click=pin, help=words)
    else:
        st.button("Unpin A", type="tertiary", on_click=unpin)


def web_page(shown: Scene) -> None:
    """The charts as a file; drawn when it is asked for."""
    st.download_button(
        "Web page", lambda: explore_html(shown), file_name="explore.html", mime="text/html", type="tertiary",
        on_click="ignore", help="The charts on this page and their words, as a file that opens anywhere.",
    )  # fmt: skip


def choose(k: int) -> None:
    """Go to a preset."""
    apply(PRESETS[k].settings)
    st.session_state["preset"] = k


def pin() -> None:
    """Keep the present settings as A."""
    st.session_state["pinned"], _ = keep()


def unpin() -> None:
    """Forget A."""
    st.session_state["pinned"] = None


def snippet(state: dict[str, Value]) -> str:
    """Python that prints the page's numbers through the public API."""
    values = run_values(state)
    cells = values.pop("cell")
    default = RunConfig().model_dump()
    given = {name: value for name, value in values.items() if default[name] != value}
    arguments = "".join(f", {name}={value!r}" for name, value in given.items())
    return SNIPPET.format(cells=cells, arguments=arguments)


SNIPPET = """from experiments.config.run_config import RunConfig
from experiments.probing.probe import probe

for cell in {cells}:
    result = probe(RunConfig(cell=cell{arguments}))
    print(cell, result.trace.loss.item(), result.profile.decay.rate)
    print(result.profile.median.tolist())  # ln of the size of dL/dh_t, t = 1 ... T
"""


page_style()
link = {name: text for name, text in st.query_params.items() if name != PARAMETER}
if "preset" not in st.session_state:
    # The first visit begins at the first preset, unless a link says where.
    st.session_state["preset"] = None if link else 0
    if not link:
        apply(PRESETS[0].settings)
st.session_state.setdefault("pinned", None)
wrong = prepare(link)
if projector_on():
    projector_style()
else:
    st.title("Why does the gradient vanish here?")
say_refused(wrong)
sidebar()
presets()
lab()
take_away()

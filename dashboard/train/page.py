"""Train: start runs and watch their gradients as they learn, or fail to."""

import streamlit as st

from dashboard.components.as_text import as_text
from dashboard.components.refusal import refuse
from dashboard.components.style import page_style
from dashboard.session import read_session
from dashboard.train.settings import choose_lanes
from dashboard.train.starting import press_start, show_offer
from dashboard.train.steering import show_refusal
from dashboard.train.watching import read_address, show_live, watched_names
from experiments.config.run_config import ConfigError, RunConfig

page_style()
st.title("Watch a network learn, or fail to")
lanes: list[RunConfig] = []
try:
    lanes = choose_lanes()
except ConfigError as error:  # what trains is watched and steered all the same
    refuse(error)
st.sidebar.button("Start", type="primary", width="stretch", on_click=press_start, args=(lanes,), disabled=not lanes)
if refused := read_address(st.query_params.get("runs", "")):
    st.error(as_text(refused))
show_offer()
names = watched_names()
welcome = (
    st.empty()
)  # its button goes at once where runs are shown: one that stayed until they are drawn would do nothing
if names:
    welcome.empty()
    st.query_params["runs"] = ",".join(names)
    st.fragment(show_live, run_every=1.0 if read_session("live", bool, True) else None)(names)
else:
    show_refusal()
    with welcome.container():
        st.markdown(
            "Two lanes train side by side from one seed, so that you see a difference as it arises. The sidebar holds "
            "a classic experiment: temporal order over 30 steps, with clipping and without."
        )
        # here, too: on a phone the sidebar is closed
        st.button("Start", type="primary", on_click=press_start, args=(lanes,), key="start-here", disabled=not lanes)

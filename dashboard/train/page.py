"""Train: start runs and watch their gradients as they learn, or fail to."""

import streamlit as st

from dashboard.components.address import note_arrival, write_address
from dashboard.components.as_text import as_text
from dashboard.components.refusal import refuse
from dashboard.components.style import page_style
from dashboard.session import read_session
from dashboard.train.before import show_before
from dashboard.train.programs import programs
from dashboard.train.settings import choose_lanes, link_values
from dashboard.train.starting import press_start, show_offer
from dashboard.train.steering import show_refusal
from dashboard.train.watching import leave_runs, read_address, show_live, watched_names
from experiments.config.run_config import ConfigError, RunConfig

CLASSIC = "The settings begin with a classic experiment: temporal order over 30 timesteps, with clipping and without."

page_style(is_steady=True)
refused = read_address(note_arrival("train"))
with st.container(horizontal=True, vertical_alignment="center", key="page-head"):
    st.title("Watch a network learn, or fail to", width="content")
    st.space("stretch")
    words = "Start other runs; these continue."
    st.button("New run", icon=":material/add:", on_click=leave_runs, disabled=not watched_names(), help=words)
    words = "Go to Runs: every recorded step of these runs, timestep by timestep."
    if st.button("Open in Runs", icon=":material/arrow_forward:", disabled=not watched_names(), help=words):
        st.switch_page("dashboard/runs/page.py", query_params={"run": ",".join(watched_names())})
lanes: list[RunConfig] = []
try:
    lanes = choose_lanes()
except ConfigError as error:  # what trains is watched and steered all the same
    refuse(error)
st.sidebar.button("Start", type="primary", width="stretch", on_click=press_start, args=(lanes,), disabled=not lanes)
for sentence in refused:
    st.error(as_text(sentence))
show_offer()
names = watched_names()
welcome = (
    st.empty()
)  # its button goes at once where runs are shown: one that stayed until they are drawn would do nothing
write_address(({"runs": ",".join(names)} if names else {}) | link_values())
if names:
    welcome.empty()
    st.fragment(show_live, run_every=1.0 if read_session("live", bool, True) else None)(names)
else:
    show_refusal()
    with welcome.container():
        beside = (
            "Two lanes train side by side from one seed, so that you see a difference as it arises."
            if len(lanes) != 1
            else "One network trains. With a second lane you would see a difference as it arises."
        )
        st.markdown(beside if link_values() else f"{beside} {CLASSIC}")
        # here, too: on a phone the sidebar is closed
        st.button("Start", type="primary", on_click=press_start, args=(lanes,), key="start-here", disabled=not lanes)
        show_before(lanes)
programs.prepare()

"""Explore: drag a value and watch the gradient vanish or explode."""

import streamlit as st

from dashboard.components.projector import PARAMETER, projector_on, projector_style
from dashboard.components.refusal import refuse
from dashboard.components.style import page_style
from dashboard.explore.details import show_details
from dashboard.explore.explore_frame import explore_frame
from dashboard.explore.overview import show_overview
from dashboard.explore.refused import say_refused
from dashboard.explore.session import keep_settings, pinned_settings, prepare_settings
from dashboard.explore.starting_points import show_presets
from dashboard.explore.take_away import show_link
from dashboard.explore.view import record_view
from dashboard.explore.widgets import show_sidebar, show_sliders
from experiments.config.run_config import ConfigError


@st.fragment
def lab() -> None:
    """Controls, computation and charts in one fragment, so that a drag reruns nothing else."""
    show_sliders()
    settings, wrong = keep_settings()
    say_refused(wrong)
    if not settings.cells:
        st.info("Choose at least one cell in the sidebar.")
        return
    try:
        view = record_view(settings, pinned_settings())
        frame = explore_frame(view)
    except ConfigError as error:
        refuse(error)
        return
    show_overview(view, frame)
    show_details(view)


page_style()
wrong = prepare_settings({name: text for name, text in st.query_params.items() if name != PARAMETER})
if projector_on():
    projector_style()
else:
    st.title("Why does the gradient vanish here?")
say_refused(wrong)
show_sidebar()
show_presets()
lab()
show_link()

"""The lower part of Explore: the panel that is chosen."""

import streamlit as st

from dashboard.components.one_screen import ALONE, PANEL
from dashboard.explore.diagnosis import show_diagnosis
from dashboard.explore.intervention import show_intervention, take_click
from dashboard.explore.layer_choice import choose_layer
from dashboard.explore.panels import PANELS
from dashboard.explore.settings import CONTROLS, DIAGNOSIS, HIDDEN, PANEL_NAMES, SPECTRUM
from dashboard.explore.show_panel import show_panel
from dashboard.explore.spectrum_by_hand import show_spectrum
from dashboard.explore.view import View
from dashboard.explore.widgets import show_widget


def show_details(view: View) -> None:
    """The choice of a panel, and its charts; those of the others are not computed."""
    trace = next(iter(view.probes.values())).trace
    choose_layer(len(trace.layers) // trace.num_directions, trace.num_directions, "shown_layer", "direction")
    with st.container(horizontal=True, vertical_alignment="center", key="lab-choice"):
        st.segmented_control(CONTROLS["panel"].label, PANEL_NAMES, key="panel", required=True)
        show_widget("alone")
    with st.container(key=ALONE if view.settings.alone else PANEL):
        _show_chosen(view)


def _show_chosen(view: View) -> None:
    name = view.settings.panel
    if name == DIAGNOSIS:
        show_diagnosis(view)
        return
    if name == SPECTRUM:
        show_spectrum(view)
    if name == HIDDEN and not view.is_of_top:
        st.caption("A click can change only states of the top layer, forwards. Choose that layer first.")
    elif name == HIDDEN:
        show_intervention(view)
        show_panel(PANELS[name](view), view, name, on_click=take_click)
        return
    show_panel(PANELS[name](view), view, name)

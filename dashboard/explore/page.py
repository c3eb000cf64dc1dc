"""Explore: drag a value and watch the gradient vanish or explode."""

import streamlit as st

from dashboard.components.address import note_arrival
from dashboard.components.one_screen import WATCH, one_screen_style
from dashboard.components.projector import projector_on, projector_style
from dashboard.components.refusal import refuse
from dashboard.components.source import set_source
from dashboard.components.style import page_style
from dashboard.explore.changes import remember_state, show_changes
from dashboard.explore.details import show_details
from dashboard.explore.explore_frame import describe_settings, explore_frame
from dashboard.explore.given_network import show_network
from dashboard.explore.last_view import view_or_last
from dashboard.explore.networks import network_of
from dashboard.explore.overview import show_hero, show_hero_caption, show_words
from dashboard.explore.refused import say_lowered, say_refused
from dashboard.explore.session import keep_settings, kept_settings, page_must_change, prepare_settings, say_problem
from dashboard.explore.starting_points import show_presets
from dashboard.explore.take_away import show_link
from dashboard.explore.widgets import show_settings, show_sliders
from experiments.config.run_config import ConfigError


@st.fragment
def lab() -> None:
    """Controls, computation and charts in one fragment, so that a drag reruns nothing else."""
    if page_must_change():
        st.rerun()
    _show_lab()
    show_link()  # here, since what it has written out goes with the settings that it was written for


def _show_lab() -> None:
    head = st.container()
    watch = st.container(key=WATCH)
    try:
        with watch:
            show_sliders(network_of(kept_settings()))
        settings, wrong = keep_settings()
        with head:
            show_changes()
        say_refused(wrong)
        say_lowered(settings)
        if not settings.cells:
            st.info("Choose at least one cell in the sidebar.")
            return
        view = view_or_last(settings)
        frame = explore_frame(view)
        if view.settings == settings:
            remember_state()
        set_source(describe_settings(view))
    except ConfigError as error:
        refuse(error)
        return
    if not settings.alone:
        with watch:
            show_hero(view, frame)
        show_hero_caption(view, frame)
    show_details(view)
    if settings.alone:
        show_words(view, frame)


page_style()
wrong = prepare_settings(note_arrival("explore"))
if projector_on():
    projector_style()
one_screen_style(projector_on())
if not projector_on():
    with st.container(key="lab-title"):
        st.title("What does the gradient do here?")
say_refused(wrong)
say_problem()
opened = network_of(kept_settings())
sidebar = st.sidebar.container()  # has its place from here on
show_presets() if opened is None else show_network(opened)
lab()
show_settings(opened, sidebar)

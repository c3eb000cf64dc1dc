"""The first row of Explore: the gradient profile and the words beside it."""

import streamlit as st

from dashboard.components.all_figures import all_figures
from dashboard.components.live_lab import live_lab
from dashboard.components.show import show
from dashboard.explore.explore_frame import HERO
from dashboard.explore.session import pin_settings, pinned_settings, unpin_settings
from dashboard.explore.take_away import web_page_button, write_recipe
from dashboard.explore.view import View
from dashboard.explore.widgets import show_widget
from dashboard.frame import Frame


def show_overview(view: View, frame: Frame) -> None:
    """The profile with its buttons, and what it says; both follow a drag."""
    hero, words = st.columns([7, 3], gap="medium")
    with hero:
        show(frame.pictures[HERO](), HERO)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            show_widget("overlays")
            _pin_button()
            web_page_button(view)
            all_figures(
                lambda: {key: draw() for key, draw in frame.pictures.items()}, lambda: write_recipe(view), "all-figures"
            )
    with words:
        st.markdown("##### What this says")
        pinned = None if view.pinned is None else view.pinned.as_values()
        live_lab("explore", {**view.settings.as_values(), "pinned": pinned}, frame.words())


def _pin_button() -> None:
    if pinned_settings() is None:
        words = "Keep these lines as A, and compare later settings with them."
        st.button("Pin as A", type="tertiary", on_click=pin_settings, help=words)
    else:
        st.button("Unpin A", type="tertiary", on_click=unpin_settings)

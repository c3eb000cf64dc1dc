"""The first row of Explore: the gradient profile and the words beside it."""

import streamlit as st

from dashboard.components.all_figures import all_figures
from dashboard.components.first_picture import let_browser_draw
from dashboard.components.live_chart import live_chart
from dashboard.components.live_lab import live_lab
from dashboard.components.show import show_caption
from dashboard.explore.explore_frame import HERO
from dashboard.explore.overlays import say_idle, say_missing
from dashboard.explore.session import pin_settings, pinned_settings, unpin_settings
from dashboard.explore.take_away import web_page_button, write_recipe
from dashboard.explore.view import View
from dashboard.explore.widgets import show_widget
from dashboard.frame import Frame


def show_hero(view: View, frame: Frame) -> None:
    """The profile, and beside it what it says; both follow a drag."""
    hero, words = st.columns([7, 3], gap="medium")
    with hero:
        picture = frame.pictures[HERO]()
        live_chart(picture.made, key=HERO, alt=picture.alt)
    with words:
        show_words(view, frame)
    let_browser_draw()


def show_words(view: View, frame: Frame) -> None:
    """What the profile says. It also lets the charts follow a drag."""
    with st.container(key="lab-words"):
        st.markdown("## What this says")
        pinned = None if view.pinned is None else view.pinned.as_values()
        live_lab("explore", {**view.settings.as_values(), "pinned": pinned}, frame.words())


def show_hero_caption(view: View, frame: Frame) -> None:
    """The profile's sentence and numbers, what else it may show, and the ways to keep it."""
    with st.container(key="lab-caption"):
        show_caption(frame.pictures[HERO](), HERO)
    with st.container(horizontal=True, vertical_alignment="center"):
        show_widget("overlays")
        _pin_button()
        web_page_button(view)
        all_figures(
            lambda: {key: draw() for key, draw in frame.pictures.items()}, lambda: write_recipe(view), "all-figures"
        )
    if missing := " ".join(filter(None, (say_idle(view), say_missing(view)))):
        st.caption(missing)


def _pin_button() -> None:
    if pinned_settings() is None:
        words = "Keep these lines as A, and compare later settings with them."
        st.button("Pin as A", type="tertiary", on_click=pin_settings, help=words)
    else:
        st.button("Unpin A", type="tertiary", on_click=unpin_settings)

"""A page's first picture is there before the rest of the page has come."""

import time

import streamlit as st

from dashboard.components.address import visit_number
from dashboard.session import read_session

DRAWING_SECONDS = 0.7
"""The time that a slow browser takes for a title, sliders and one chart. All of Explore takes it 1.3 s."""
_WAITED = "first-picture-of-visit"


def let_browser_draw() -> None:
    """Once in each visit of a page, let the browser draw what it has.

    What comes while it begins to draw becomes one piece with that, and is shown only when all of it is made.
    """
    if not st.context.headers or read_session(_WAITED, int, 0) == visit_number():  # or there is no browser
        return
    st.session_state[_WAITED] = visit_number()
    time.sleep(DRAWING_SECONDS)

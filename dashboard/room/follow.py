"""How an open page follows its room: it looks once a second, and is drawn anew when the room has moved."""

from collections.abc import Callable

import streamlit as st

from dashboard.room.errors import RoomError
from dashboard.room.room import View
from dashboard.room.server_rooms import rooms
from dashboard.server.visitor import visitor

EVERY_SECONDS = 1.0


@st.fragment(run_every=EVERY_SECONDS)
def follow(drawn: View, show: Callable[[View], None]) -> None:
    """Show what changes while the room stays at its beat; draw the whole page where it has gone on, or has closed."""
    try:
        now = rooms().look(drawn.code, visitor())
    except RoomError:
        st.rerun()  # the page says why
    if (now.lesson, now.stage) != (drawn.lesson, drawn.stage):
        st.rerun()
    show(now)


def show_count(view: View) -> None:
    """How many are here, and how many have predicted."""
    st.caption(count_words(view))


def count_words(view: View) -> str:
    """The same in words."""
    here = f"Room **{view.code}** · {view.here} here"
    return here if view.stage == "join" else f"{here} · {view.predicted} predicted"

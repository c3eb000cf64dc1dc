"""The rooms of this server, and the address of who asks."""

import streamlit as st

from dashboard.lessons.registry import LESSONS
from dashboard.room.rooms import Rooms


@st.cache_resource(show_spinner=False)
def rooms() -> Rooms:
    """All rooms of this server."""
    return Rooms({lesson.number: lesson.question for lesson in LESSONS})


def client_address() -> str:
    """The address from which the visitor's browser asks, the proxy's behind one; empty for this machine."""
    return st.context.ip_address or ""

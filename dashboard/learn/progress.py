"""Keeps in the visitor's browser which beats of which lessons were done."""

import secrets

import streamlit as st

from dashboard.components.kept_progress import keep_progress, kept_progress
from dashboard.learn.address import Predictions, write_address
from dashboard.lessons.place import BEATS, Place
from dashboard.lessons.registry import LESSONS
from dashboard.session import read_session

_FORGET, _FOLLOWED = "lesson-progress-forget", "lesson-progress-followed"

_BEATS_BY_NAME = {f"{lesson.number}-{beat}": (lesson.number, beat) for lesson in LESSONS for beat in BEATS}


def recall_progress(made: Predictions) -> None:
    """Add to this session what the browser knows of earlier ones, and forget what another tab forgot."""
    known = kept_progress(read_session(_FORGET, str, ""))
    if known.forgotten != read_session(_FOLLOWED, str, "") and known.forgotten:
        made.guesses.clear()
        made.done.clear()
        st.session_state[_FOLLOWED] = known.forgotten
    made.done.update(_BEATS_BY_NAME[name] for name in known.done if name in _BEATS_BY_NAME)


def store_progress(made: Predictions) -> None:
    """Tell the browser what was done in this session."""
    with st.container(key="progress-in-browser"):
        done = [f"{number}-{beat}" for number, beat in made.done]
        keep_progress(done, read_session(_FORGET, str, ""), read_session(_FOLLOWED, str, ""))


def forget_progress(made: Predictions) -> None:
    """Forget all predictions and beats, in the session, in the address and in the browser."""
    made.guesses.clear()
    made.done.clear()
    st.session_state[_FORGET] = secrets.token_hex(4)
    write_address(Place())

"""Keeps a learner's place and predictions in the session and in the page's address."""

from dataclasses import dataclass, field

import streamlit as st

from dashboard.components.projector import projector_on
from dashboard.lessons.place import Beat, Place, read_guesses, read_place, write_guesses
from dashboard.lessons.question import Guess
from dashboard.lessons.registry import BY_NUMBER
from dashboard.session import read_session

_KEPT = "lesson-predictions"


@dataclass(frozen=True)
class Predictions:
    """What a learner has done so far."""

    guesses: dict[int, Guess] = field(default_factory=dict)
    """Lesson → its prediction."""
    done: set[tuple[int, Beat]] = field(default_factory=set)
    """Lesson and beat: the prediction was made, the experiment was opened, the verdict was seen."""


def read_address() -> tuple[Place, list[str]]:
    """Where the address leads, and a few words for each part of it that is not valid."""
    place, wrong = read_place(st.query_params.to_dict(), BY_NUMBER)
    if _KEPT not in st.session_state:
        # Later the session knows better than the address, which a step back in the browser may have made an older one.
        guesses, more = read_guesses(st.query_params.get("guess", ""), BY_NUMBER)
        st.session_state[_KEPT] = Predictions(guesses)
        wrong += more
    return place, wrong


def predictions() -> Predictions:
    """This visitor's predictions, to be read and changed."""
    kept = read_session(_KEPT, Predictions, Predictions())
    st.session_state[_KEPT] = kept
    return kept


def write_address(place: Place) -> None:
    """Write a place and all predictions into the address, so that a reload keeps them. For a callback, too."""
    parameters = place.parameters
    if guessed := write_guesses(predictions().guesses, BY_NUMBER):
        parameters["guess"] = guessed
    if projector_on():
        parameters["projector"] = "1"
    if st.query_params.to_dict() != parameters:
        st.query_params.from_dict(parameters)

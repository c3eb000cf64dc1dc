"""Keeps a learner's place and predictions in the session and in the page's address."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import streamlit as st

from dashboard.components.address import Arrival, visit_number
from dashboard.components.projector import projector_on
from dashboard.lessons.beats import set_controls
from dashboard.lessons.lesson import AnyLesson, Value
from dashboard.lessons.place import (
    Beat,
    Place,
    read_controls,
    read_guesses,
    read_place,
    write_controls,
    write_guesses,
)
from dashboard.lessons.question import Guess
from dashboard.lessons.registry import BY_NUMBER
from dashboard.session import read_session

_KEPT, _BENCHES, _IGNORED = "lesson-predictions", "lesson-benches", "lesson-ignored"
CONTROLS = "set"
"""The parameter that says where the controls of a lesson's bench stand."""


@dataclass(frozen=True)
class Predictions:
    """What a learner has done so far."""

    guesses: dict[int, Guess] = field(default_factory=dict)
    """Lesson → its prediction."""
    done: set[tuple[int, Beat]] = field(default_factory=set)
    """Lesson and beat: the prediction was made, the experiment was opened, the verdict was seen."""


def read_address(arrival: Arrival) -> tuple[Place, list[str]]:
    """Where the address leads, and a few words for each part of it that is not valid."""
    place, wrong = read_place(st.query_params.to_dict(), BY_NUMBER)
    if place.lesson is not None and arrival.has_come and (text := arrival.link.get(CONTROLS)):
        lesson = BY_NUMBER[place.lesson]
        values, refused = read_controls(text, lesson)
        set_controls(lesson, values)
        st.session_state[_BENCHES] = {**read_session(_BENCHES, dict, {}), place.lesson: write_controls(values, lesson)}
        wrong += refused
    if _KEPT not in st.session_state:
        # Later the session knows better than the address, which a step back in the browser may have made an older one.
        guesses, more = read_guesses(st.query_params.get("guess", ""), BY_NUMBER)
        st.session_state[_KEPT] = Predictions(guesses)
        wrong += more
    return place, _still_ignored(place, wrong)


def _still_ignored(place: Place, wrong: list[str]) -> list[str]:
    """What the address had that is not valid, also when the page is drawn again at the same place.

    The browser sends the progress that it keeps only after the first drawing; by then the address is mended.
    """
    at = (visit_number(), place)
    if not wrong:
        before, said = st.session_state.get(_IGNORED, (None, []))
        return list(said) if before == at else []
    st.session_state[_IGNORED] = at, wrong
    return wrong


def predictions() -> Predictions:
    """This visitor's predictions, to be read and changed."""
    kept = read_session(_KEPT, Predictions, Predictions())
    st.session_state[_KEPT] = kept
    return kept


def write_address(place: Place) -> None:
    """Write a place and all predictions into the address, so that a reload keeps them. For a callback, too."""
    parameters = place.parameters
    if place.lesson is not None and (standing := read_session(_BENCHES, dict, {}).get(place.lesson)):
        parameters[CONTROLS] = standing
    if guessed := write_guesses(predictions().guesses, BY_NUMBER):
        parameters["guess"] = guessed
    if projector_on():
        parameters["projector"] = "1"
    if st.query_params.to_dict() != parameters:
        st.query_params.from_dict(parameters)


def keep_controls(lesson: AnyLesson, place: Place, values: Mapping[str, Value]) -> None:
    """Write where the controls of a lesson's bench stand into the address."""
    standing = write_controls(values, lesson)
    st.session_state[_BENCHES] = {**read_session(_BENCHES, dict, {}), lesson.number: standing}
    write_address(place)

"""Learn: lessons on a suggested path, each an experiment in three beats."""

from functools import partial
from typing import Literal
from urllib.parse import urlencode

import streamlit as st

from dashboard.components.as_text import as_text
from dashboard.components.projector import projector_on, projector_style, projector_switch
from dashboard.components.style import page_style
from dashboard.lessons import beats
from dashboard.lessons.handout import handout
from dashboard.lessons.lesson import AnyLesson
from dashboard.lessons.place import BEATS, Beat, Place, read_guesses, read_place, write_guesses
from dashboard.lessons.question import Guess
from dashboard.lessons.registry import BY_NUMBER, LESSONS

BEAT_WORDS: dict[Beat, str] = {"predict": "Predict", "do": "Do", "decide": "Decide"}

CARDS = 3
"""Lessons beside each other."""

RULES = """
/* Streamlit's header lies over the page's first row; a title has this room of its own. */
.st-key-lesson-head { padding-top: 1.5rem; }
.st-key-lesson-table { overflow-x: auto; }
.st-key-lesson-table th, .st-key-lesson-table td { padding: 0.2rem 0.45rem; white-space: nowrap; font-size: 0.9rem; }
"""


def path(guesses: dict[int, Guess], decided: set[int]) -> None:
    """All lessons, and what was done of each."""
    st.title("Learn: predict, do, decide")
    st.markdown("Each lesson is a claim about gradients, ten minutes long. Take them in any order; this one builds up.")
    for first in range(0, len(LESSONS), CARDS):
        row = LESSONS[first : first + CARDS]
        for column, lesson in zip(st.columns(CARDS, gap="small"), row, strict=False):
            with column, st.container(border=True, height="stretch", gap="xsmall"):
                card(lesson, lesson.number in guesses, lesson.number in decided)


def card(lesson: AnyLesson, predicted: bool, decided: bool) -> None:
    """A lesson in short; its title opens it."""
    number = lesson.number
    words = f"**{number} · {lesson.title}**"
    st.button(
        words, key=f"open-{number}", on_click=go, args=(Place(number),), type="tertiary",
        icon=":material/arrow_forward:", icon_position="right",
    )  # fmt: skip
    done = "✓ decided" if decided else "predicted" if predicted else ""
    st.caption(lesson.about + (f" **{done}**" if done else ""))


def lesson_page(lesson: AnyLesson, beat: Beat, guesses: dict[int, Guess], decided: set[int]) -> None:
    """One beat of a lesson, with the way to the others."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="lesson-head"):
        st.subheader(f"{lesson.number} · {lesson.title}", anchor=False, width="content")
        with st.container(horizontal=True, width="content", gap="small"):
            for k, step in enumerate(BEATS, start=1):
                kind: Literal["primary", "tertiary"] = "primary" if step == beat else "tertiary"
                words = f"{k} {BEAT_WORDS[step]}"
                st.button(words, key=f"beat-{step}", type=kind, on_click=go, args=(Place(lesson.number, step),))
        st.space("stretch")
        if projector_on():
            projector_switch()
        with st.popover("For class", type="tertiary"):
            if not projector_on():
                projector_switch()
            for_class(lesson, beat)
    number = lesson.number
    with st.container(key="beat"):
        if beat == "predict":
            beats.predict(lesson, guesses)
        elif beat == "do":
            beats.do(lesson, number in guesses)
        else:
            beats.decide(lesson, guesses.get(number))
            if number in guesses:
                decided.add(number)
    ways(lesson, beat)


def ways(lesson: AnyLesson, beat: Beat) -> None:
    """Back and on."""
    k = BEATS.index(beat)
    at = LESSONS.index(lesson)
    back = Place(lesson.number, BEATS[k - 1]) if k > 0 else Place()
    if k + 1 < len(BEATS):
        onward, words = Place(lesson.number, BEATS[k + 1]), f"Next: {BEAT_WORDS[BEATS[k + 1]].lower()}"
    elif at + 1 < len(LESSONS):
        onward, words = Place(LESSONS[at + 1].number), f"Next: {LESSONS[at + 1].title}"
    else:
        onward, words = Place(), "All lessons"
    with st.container(horizontal=True, gap="small"):
        st.button("Back" if k > 0 else "All lessons", key="back", on_click=go, args=(back,), type="tertiary")
        st.button(words, key="next", on_click=go, args=(onward,), type="primary")


def for_class(lesson: AnyLesson, beat: Beat) -> None:
    """A link to this beat, and the handouts."""
    page = (st.context.url or "").split("?")[0]
    st.markdown("This beat's address (add `&projector=1` for a projector):")
    st.code(f"{page}?{urlencode(Place(lesson.number, beat).parameters)}", language=None, wrap_lines=True)
    for what, answers in (("questions", False), ("answers", True)):
        st.download_button(
            f"Handout: {what}", partial(handout, lesson, answers), on_click="ignore",
            file_name=f"lesson-{lesson.number:02}-{what}.html", mime="text/html", key=f"handout-{what}",
        )  # fmt: skip


def go(place: Place) -> None:
    """To another place: the address is where the page is."""
    write(place)


def write(place: Place) -> None:
    """The address of a place, with what was predicted, so that a reload keeps it."""
    parameters = place.parameters
    if guessed := write_guesses(st.session_state["lesson-guesses"], BY_NUMBER):
        parameters["guess"] = guessed
    if projector_on():
        parameters["projector"] = "1"
    if st.query_params.to_dict() != parameters:
        st.query_params.from_dict(parameters)


page_style()
place, wrong = read_place(st.query_params.to_dict(), BY_NUMBER)
if "lesson-guesses" not in st.session_state:
    # Later the session knows better than the address, which a step back in the browser may have made an older one.
    st.session_state["lesson-guesses"], more = read_guesses(st.query_params.get("guess", ""), BY_NUMBER)
    st.session_state["lessons-decided"] = set()
    wrong += more
st.html(f"<style>{RULES}</style>")
if projector_on():
    projector_style()
if wrong:
    st.warning(as_text(f"The link was restored except for: {'; '.join(wrong[:3])}."))
if place.lesson is None:
    path(st.session_state["lesson-guesses"], st.session_state["lessons-decided"])
else:
    lesson_page(
        BY_NUMBER[place.lesson], place.beat, st.session_state["lesson-guesses"], st.session_state["lessons-decided"]
    )
write(place)

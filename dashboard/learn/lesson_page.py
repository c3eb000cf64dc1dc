"""One beat of a lesson, with the way to the others."""

from functools import partial
from typing import Literal

import streamlit as st

from dashboard.components.projector import projector_on, projector_switch
from dashboard.components.source import set_source
from dashboard.learn.address import Predictions, keep_controls, write_address
from dashboard.learn.for_class import show_class_links
from dashboard.lessons import beats
from dashboard.lessons.lesson import AnyLesson
from dashboard.lessons.place import BEATS, Beat, Place
from dashboard.lessons.registry import LESSONS
from dashboard.lessons.roads import explain_difference, explore_link

BEAT_WORDS: dict[Beat, str] = {"predict": "Predict", "do": "Do", "decide": "Decide"}

_RULES = """
/* Streamlit's header lies over the page's first row; a title has this room of its own. */
.st-key-lesson-head { padding-top: 1.5rem; }
.st-key-lesson-ways [data-testid="stCaptionContainer"] { margin-bottom: 0; }
.st-key-lesson-equation .katex { display: inline-block; max-width: 100%; margin-inline-end: 0.8em; }
.st-key-lesson-equation p { margin-inline-end: -1.4rem; }
/* In a high window a chart takes the room that the words below it leave. */
@media (min-width: 1200px) and (min-height: 850px) {
  .st-key-beat { --chart-least: calc(100vh - 26rem); }
  .st-key-beat .stElementContainer:has(.live-chart) { height: auto; flex: none; overflow: visible; }
}
"""


def lesson_style() -> None:
    """Add the rules of lessons to the page, after `page_style`."""
    st.html(f"<style>{_RULES}</style>")


def show_lesson(lesson: AnyLesson, beat: Beat, made: Predictions) -> None:
    """One beat of a lesson, with the way to the others."""
    st.set_page_config(f"{lesson.number} · {lesson.title} · Gradient Flow Lab")
    stand = {c.label: beats.read_controls(lesson)[c.key] for c in lesson.bench.controls}
    set_source({"Lesson": f"{lesson.number} · {lesson.title}", **stand})
    _show_head(lesson, beat)
    with st.container(key="beat"):
        if beat == "predict":
            beats.show_predict(lesson, made.guesses)
        elif beat == "do":
            keep = partial(keep_controls, lesson, Place(lesson.number, beat))
            beats.show_do(lesson, lesson.number in made.guesses, keep)
        else:
            beats.show_decide(lesson, made.guesses.get(lesson.number))
        if beat == "do" or lesson.number in made.guesses:
            made.done.add((lesson.number, beat))
    show_ways(lesson, beat)


def _show_head(lesson: AnyLesson, beat: Beat) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="lesson-head"):
        with st.container(key="lesson-title", width="content"):
            st.title(f"{lesson.number} · {lesson.title}", anchor=False)
        with st.container(horizontal=True, width="content", gap="small"):
            for k, step in enumerate(BEATS, start=1):
                kind: Literal["primary", "tertiary"] = "primary" if step == beat else "tertiary"
                words = f"{k} {BEAT_WORDS[step]}"
                st.button(
                    words, key=f"beat-{step}", type=kind, on_click=write_address, args=(Place(lesson.number, step),)
                )
        st.space("stretch")
        if projector_on():
            projector_switch()
        with st.popover("For class", type="tertiary"):
            if not projector_on():
                projector_switch()
            show_class_links(lesson, beat)


def show_ways(lesson: AnyLesson, beat: Beat) -> None:
    """The buttons below a beat: back, onward, and the way to Explore."""
    k = BEATS.index(beat)
    at = LESSONS.index(lesson)
    back = Place(lesson.number, BEATS[k - 1]) if k > 0 else Place()
    if k + 1 < len(BEATS):
        onward, words = Place(lesson.number, BEATS[k + 1]), f"Next: {BEAT_WORDS[BEATS[k + 1]].lower()}"
    elif at + 1 < len(LESSONS):
        onward, words = Place(LESSONS[at + 1].number), f"Next lesson: {LESSONS[at + 1].title}"
    else:
        onward, words = Place(), "All lessons"
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="lesson-ways"):
        st.button("Back" if k > 0 else "All lessons", key="back", on_click=write_address, args=(back,), type="tertiary")
        st.button(words, key="next", on_click=write_address, args=(onward,), type="primary")
        if beat != "predict":
            _show_road(lesson)


def _show_road(lesson: AnyLesson) -> None:
    """A way to Explore, with the settings of the lesson's network as its controls stand."""
    words = "Open a network with this lesson's settings on the page Explore. A number beyond its sliders stops there."
    difference = explain_difference(lesson)
    if st.button(
        "Open in Explore", key="explore", type="tertiary", icon=":material/tune:", help=f"{words} {difference}"
    ):
        link = explore_link(lesson, beats.read_controls(lesson))
        st.switch_page("dashboard/explore/page.py", query_params=link)
    if not projector_on():  # there the row has no room for it
        st.caption(difference, width="content")

"""All lessons, and what a learner has done of each."""

import streamlit as st

from dashboard.learn.address import Predictions, write_address
from dashboard.learn.progress import forget_progress
from dashboard.learn.recipes import show_recipes
from dashboard.lessons.lesson import AnyLesson
from dashboard.lessons.place import BEATS, Beat, Place
from dashboard.lessons.registry import LESSONS

CARDS = 3
"""Lessons beside each other."""

DONE_WORDS: dict[Beat, str] = {"predict": "predicted", "do": "tried", "decide": "decided"}


def show_overview(made: Predictions) -> None:
    """A card per lesson, in the suggested order, and the way to the next one."""
    st.title("Learn: predict, do, decide")
    st.markdown("Each lesson tests one claim about gradients in about ten minutes. Later lessons use earlier ones.")
    if made.done:
        _show_progress(made)
    for first in range(0, len(LESSONS), CARDS):
        row = LESSONS[first : first + CARDS]
        for column, lesson in zip(st.columns(CARDS, gap="small"), row, strict=False):
            with column, st.container(border=True, height="stretch", gap="xsmall"):
                _show_card(lesson, made)
    show_recipes()


def _show_progress(made: Predictions) -> None:
    """The next lesson without a verdict, and a way to begin again."""
    ahead = [lesson for lesson in LESSONS if (lesson.number, "decide") not in made.done]
    with st.container(horizontal=True, gap="small"):
        if ahead:
            words = f"Next lesson: {ahead[0].number} · {ahead[0].title}"
            st.button(words, key="next", on_click=write_address, args=(Place(ahead[0].number),), type="primary")
        st.button(
            "Forget my progress", key="forget", on_click=forget_progress, args=(made,), type="tertiary",
            help="Only this browser keeps which beats you have done.",
        )  # fmt: skip


def _show_card(lesson: AnyLesson, made: Predictions) -> None:
    number = lesson.number
    words = f"**{number} · {lesson.title}**"
    st.button(
        words, key=f"open-{number}", on_click=write_address, args=(Place(number),), type="tertiary",
        icon=":material/arrow_forward:", icon_position="right",
    )  # fmt: skip
    done = ", ".join(DONE_WORDS[beat] for beat in BEATS if (number, beat) in made.done)
    st.caption(lesson.about + (f" **✓\N{NO-BREAK SPACE}{done}**" if done else ""))

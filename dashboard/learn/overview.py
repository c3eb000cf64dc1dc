"""All lessons, and what a learner has done of each."""

import streamlit as st

from dashboard.learn.address import Predictions, write_address
from dashboard.learn.recipes import show_recipes
from dashboard.lessons.lesson import AnyLesson
from dashboard.lessons.place import Place
from dashboard.lessons.registry import LESSONS

CARDS = 3
"""Lessons beside each other."""


def show_overview(done: Predictions) -> None:
    """A card per lesson, in the suggested order."""
    st.title("Learn: predict, do, decide")
    st.markdown("Each lesson tests one claim about gradients in about ten minutes. Later lessons use earlier ones.")
    for first in range(0, len(LESSONS), CARDS):
        row = LESSONS[first : first + CARDS]
        for column, lesson in zip(st.columns(CARDS, gap="small"), row, strict=False):
            with column, st.container(border=True, height="stretch", gap="xsmall"):
                _show_card(lesson, lesson.number in done.guesses, lesson.number in done.decided)
    show_recipes()


def _show_card(lesson: AnyLesson, predicted: bool, decided: bool) -> None:
    number = lesson.number
    words = f"**{number} · {lesson.title}**"
    st.button(
        words, key=f"open-{number}", on_click=write_address, args=(Place(number),), type="tertiary",
        icon=":material/arrow_forward:", icon_position="right",
    )  # fmt: skip
    done = "✓ decided" if decided else "predicted" if predicted else ""
    st.caption(lesson.about + (f" **{done}**" if done else ""))

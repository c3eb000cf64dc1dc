"""What a teacher takes from a lesson: a room, a link to a beat, and handouts."""

from functools import partial
from urllib.parse import urlencode

import streamlit as st

from dashboard.lessons.handout import write_handout
from dashboard.lessons.lesson import AnyLesson
from dashboard.lessons.place import Beat, Place


def show_class_links(lesson: AnyLesson, beat: Beat) -> None:
    """A room for a class, a link to this beat, and the handouts."""
    if st.button(
        "To the room", key="open-room", help="Students predict on their phones, and you see what they predict."
    ):
        st.switch_page("dashboard/room/page.py", query_params={"lesson": str(lesson.number)})
    page = (st.context.url or "").split("?")[0]
    st.markdown("The address of this beat. Add `&projector=1` for a projector.")
    st.code(f"{page}?{urlencode(Place(lesson.number, beat).parameters)}", language=None, wrap_lines=True)
    for what, answers in (("questions", False), ("answers", True)):
        st.download_button(
            f"Handout: {what}", partial(write_handout, lesson, answers), on_click="ignore",
            file_name=f"lesson-{lesson.number:02}-{what}.html", mime="text/html", key=f"handout-{what}",
        )  # fmt: skip

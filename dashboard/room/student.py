"""What a student's phone shows: what the class does now, and the student's own prediction."""

import streamlit as st

from dashboard.components.refusal import refuse
from dashboard.lessons import beats
from dashboard.lessons.lesson import AnyLesson
from dashboard.lessons.question import Choices
from dashboard.lessons.registry import BY_NUMBER
from dashboard.room.decided import show_decided
from dashboard.room.errors import RoomError
from dashboard.room.follow import follow, show_count
from dashboard.room.room import View
from dashboard.room.server_rooms import rooms
from dashboard.server.visitor import visitor


def show_student(view: View) -> None:
    """The page of one student, which follows the teacher."""
    lesson = BY_NUMBER[view.lesson]
    with st.container(key="lesson-head"), st.container(key="lesson-title"):
        st.title(f"{lesson.number} · {lesson.title}", anchor=False)
    if view.stage == "join":
        st.success("You are in. Wait for your teacher; this page goes on by itself.", icon=":material/check_circle:")
    elif view.stage == "predict":
        _show_predict(lesson, view)
    elif view.stage == "do":
        _show_do(lesson, view)
    else:
        show_decided(lesson, view)
    follow(view, show_count)
    st.button("Leave the room", key="room-leave", on_click=_leave, args=(view.code,), type="tertiary")


def _show_predict(lesson: AnyLesson, view: View) -> None:
    st.markdown(f"*“{lesson.claim}”*\n\n## Your prediction\n\n{lesson.question.asks}")
    guess = beats.ask_guess(lesson, view.own)
    if guess is None:
        return
    try:
        if guess != view.own:
            rooms().predict(view.code, visitor(), lesson.number, guess)
    except RoomError as error:
        refuse(error)
    else:
        st.caption("Your prediction is saved. You can change it until your teacher goes on.")


def _show_do(lesson: AnyLesson, view: View) -> None:
    question = lesson.question
    if view.own is None:
        st.markdown("Predictions are closed. You have made none.")
    elif isinstance(question, Choices):
        st.markdown(f"Predictions are closed. Yours: **{question.answers[str(view.own)]}**")
    else:
        st.markdown("Predictions are closed. You will see your curve beside what was measured.")
    st.markdown("Your teacher now does this on the screen. What do you see?")
    st.markdown("\n".join(f"{k}. {task}" for k, task in enumerate(lesson.bench.tasks, start=1)))


def _leave(code: str) -> None:
    rooms().leave(code, visitor())
    st.session_state.pop("room-code", None)
    st.query_params.clear()

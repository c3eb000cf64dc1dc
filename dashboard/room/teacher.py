"""What the teacher's screen shows: the room's beat, with the predictions as they come in, and the way to the others."""

from typing import Literal

import streamlit as st

from dashboard.components.projector import projector_switch
from dashboard.lessons import beats
from dashboard.lessons.lesson import AnyLesson
from dashboard.lessons.registry import BY_NUMBER
from dashboard.room.chart import show_room_chart
from dashboard.room.decided import show_decided
from dashboard.room.entrance import name_lesson
from dashboard.room.errors import RoomError
from dashboard.room.follow import count_words, follow, show_count
from dashboard.room.invitation import show_invitation
from dashboard.room.room import STAGES, Stage, View
from dashboard.room.server_rooms import rooms
from dashboard.room.tally import predicting_picture
from dashboard.server.visitor import visitor

STAGE_WORDS: dict[Stage, str] = {"join": "Join", "predict": "1 Predict", "do": "2 Do", "decide": "3 Decide"}


def show_teacher(view: View) -> None:
    """The page of the room's teacher. Several windows of theirs show the same, and each can move it."""
    lesson = BY_NUMBER[view.lesson]
    beats.begin_measuring(lesson)
    _show_head(lesson, view)
    with st.container(key="beat"):
        if view.stage == "predict":
            _show_predict(lesson, view)
        elif view.stage == "do":
            beats.show_do(lesson, predicted=True, keep=lambda _: None)  # the address is the room's
        elif view.stage == "decide":
            show_decided(lesson, view)
        else:
            show_invitation(view)
    if view.stage != "predict":
        follow(view, show_count)


def _show_head(lesson: AnyLesson, view: View) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="lesson-head"):
        with st.container(key="lesson-title", width="content"):
            st.title(f"{lesson.number} · {lesson.title}", anchor=False)
        for stage in STAGES:
            kind: Literal["primary", "tertiary"] = "primary" if stage == view.stage else "tertiary"
            st.button(
                STAGE_WORDS[stage], key=f"room-{stage}", type=kind, on_click=_move,
                args=(view.code, lesson.number, stage),
            )  # fmt: skip
        later = [number for number in BY_NUMBER if number > lesson.number]
        if view.stage == "decide" and later:
            st.button(
                "Next lesson", key="room-next", type="tertiary", on_click=_move,
                args=(view.code, later[0], "predict"), help=name_lesson(later[0]),
            )  # fmt: skip
        st.space("stretch")
        with st.popover(f"Room {view.code}", type="tertiary"):
            _show_room(view)


def _show_room(view: View) -> None:
    """What a teacher does with the room itself."""
    numbers, key = list(BY_NUMBER), f"room-lesson-{view.lesson}"
    st.selectbox(
        "Lesson", numbers, index=numbers.index(view.lesson), format_func=name_lesson, key=key, on_change=_change_lesson,
        args=(view.code, key),
    )  # fmt: skip
    projector_switch()
    st.button(
        "Close the room",
        key="room-close",
        on_click=_close,
        args=(view.code,),
        help="All predictions in it are forgotten.",
    )


def _show_predict(lesson: AnyLesson, view: View) -> None:
    left, right = st.columns([4, 5], gap="large")
    with left:
        st.markdown(f"## The claim\n\n*“{lesson.claim}”*\n\n## Predict\n\n{lesson.question.asks}")
        hidden = st.toggle(
            "Hide the predictions", help="Students who see them may copy what others predict.", key="room-hidden"
        )
    with right:
        follow(view, show_count if hidden else _show_live)


def _show_live(view: View) -> None:
    """The predictions as they come in."""
    st.caption(count_words(view))
    show_room_chart(predicting_picture(BY_NUMBER[view.lesson], view), "predictions")


def _change_lesson(code: str, key: str) -> None:
    """Go to the chosen lesson's first beat."""
    _move(code, st.session_state.get(key), "predict")


def _move(code: str, lesson: object, stage: Stage) -> None:
    try:
        rooms().move(code, visitor(), lesson, stage)
    except RoomError as error:
        st.session_state["room-refused"] = str(error)


def _close(code: str) -> None:
    try:
        rooms().close(code, visitor())
    except RoomError as error:
        st.session_state["room-refused"] = str(error)
    st.session_state.pop("room-code", None)
    st.query_params.clear()

"""What somebody sees who is in no room: a field for the code, and for a teacher a button that opens a room."""

import streamlit as st

from dashboard.lessons.registry import BY_NUMBER
from dashboard.room.codes import EXAMPLE
from dashboard.room.errors import RoomError
from dashboard.room.server_rooms import client_address, rooms
from dashboard.server.visitor import visitor

ABOUT = (
    "Each student predicts the result of an experiment on a phone. The predictions appear here as they come in; then "
    "you do the experiment, and measured numbers decide."
)


def show_entrance(wanted: str) -> None:
    """Both ways in; `wanted` is the number of the lesson that an address names."""
    st.title("Room: a class predicts together")
    student, teacher = st.columns(2, gap="large")
    with student, st.container(border=True, height="stretch"):
        st.markdown("## You are a student")
        with st.form("room-join", border=False):
            code = st.text_input("Code", max_chars=20, placeholder=f"as in {EXAMPLE}", help="Your teacher shows it.")
            if st.form_submit_button("Join", type="primary") and code:
                st.query_params["room"] = code
                st.rerun()
    with teacher, st.container(border=True, height="stretch"):
        st.markdown("## You are a teacher")
        st.markdown(ABOUT)
        if own := rooms().room_of(visitor()):
            st.button(f"Go back to your room {own}", key="room-own", on_click=_go, args=(own,))
        else:
            _show_opening(wanted)


def _show_opening(wanted: str) -> None:
    numbers = list(BY_NUMBER)
    index = next((k for k, number in enumerate(numbers) if str(number) == wanted), 0)
    lesson = st.selectbox("Lesson", numbers, index=index, format_func=name_lesson, key="room-opens")
    st.button("Open a room", key="room-open", on_click=_open, args=(lesson,))


def name_lesson(number: int) -> str:
    """A lesson as lists of them call it; a message may hold any number."""
    return f"{number} · {BY_NUMBER[number].title}" if number in BY_NUMBER else "none"


def _open(lesson: object) -> None:
    try:
        _go(rooms().open_room(visitor(), lesson, client_address()))
    except RoomError as error:
        st.session_state["room-refused"] = str(error)


def _go(code: str) -> None:
    st.query_params.from_dict({"room": code})

"""Room: a class predicts on its phones, and the teacher moves it from beat to beat."""

import streamlit as st

from dashboard.components.projector import projector_on, projector_style
from dashboard.components.refusal import refuse
from dashboard.components.style import page_style
from dashboard.learn.lesson_page import lesson_style
from dashboard.room.entrance import show_entrance
from dashboard.room.errors import RoomError
from dashboard.room.server_rooms import client_address, rooms
from dashboard.room.student import show_student
from dashboard.room.teacher import show_teacher
from dashboard.server.visitor import visitor

RULES = "<style>@media (pointer: coarse) { [data-testid='stRadio'] label { padding-block: 0.4rem; } }</style>"

page_style()
lesson_style()
st.html(RULES)  # answers that a thumb does not miss
if projector_on():
    projector_style()
if refused := st.session_state.pop("room-refused", None):
    refuse(refused)
code = st.query_params.get("room") or st.session_state.get("room-code")
view = None
if code:
    try:
        view = rooms().enter(code, visitor(), client_address())
    except RoomError as error:
        refuse(error)
        st.session_state.pop("room-code", None)
        st.query_params.pop("room", None)  # or the next run of the page would try the wrong code again
if view is None:
    show_entrance(st.query_params.get("lesson", ""))
else:
    st.session_state["room-code"] = st.query_params["room"] = view.code
    (show_teacher if view.teaches else show_student)(view)

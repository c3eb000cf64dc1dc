"""The last beat of a room: what was predicted against what was measured, and the verdict."""

import streamlit as st

from dashboard.components.projector import projector_on
from dashboard.lessons import beats
from dashboard.lessons.lesson import AnyLesson
from dashboard.lessons.question import Choices
from dashboard.room.chart import show_room_chart
from dashboard.room.room import View
from dashboard.room.tally import decided_picture

EVIDENCE_HEIGHT = 320


def show_decided(lesson: AnyLesson, view: View) -> None:
    """The pictures beside the verdict, below each other on a phone; to a student first how their prediction fared."""
    numbers = beats.wait_for_numbers(lesson)
    if view.own is not None:
        beats.show_reply(lesson.reply(numbers, view.own))
    left, right = st.columns([5, 6], gap="medium")
    with left:
        show_room_chart(decided_picture(lesson, numbers, view), "decided")
    with right:
        beats.show_verdict(lesson, lesson.decide(numbers))
        if isinstance(lesson.question, Choices) and not projector_on():
            show_room_chart(lesson.evidence(numbers, None), "evidence", EVIDENCE_HEIGHT)

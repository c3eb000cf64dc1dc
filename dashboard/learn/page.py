"""Learn: lessons on a suggested path, each an experiment in three beats."""

import streamlit as st

from dashboard.components.address import note_arrival
from dashboard.components.as_text import as_text
from dashboard.components.link_parts import say_ignored
from dashboard.components.projector import projector_on, projector_style
from dashboard.components.style import page_style
from dashboard.learn.address import predictions, read_address, write_address
from dashboard.learn.lesson_page import lesson_style, show_lesson
from dashboard.learn.overview import show_overview
from dashboard.learn.progress import recall_progress, store_progress
from dashboard.lessons.registry import BY_NUMBER

page_style()
place, wrong = read_address(note_arrival("learn", steps=("lesson", "beat")))
recall_progress(predictions())
lesson_style()
if projector_on():
    projector_style()
for sentence in say_ignored(wrong):
    st.warning(as_text(sentence))
if place.lesson is None:
    show_overview(predictions())
else:
    show_lesson(BY_NUMBER[place.lesson], place.beat, predictions())
write_address(place)
store_progress(predictions())

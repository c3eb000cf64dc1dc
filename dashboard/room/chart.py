"""A room's charts on the page, larger for a projector."""

import streamlit as st

from analysis.figures.picture import Picture
from dashboard.components.live_chart import live_chart
from dashboard.components.projector import LARGER, projector_on

HEIGHT = 400
PROJECTED_HEIGHT = 440
RULES = """<style>
/* A finger that scrolls the page meets the chart: Plotly's buttons would stay over its title. */
[class*="st-key-room-chart"] .modebar-container { display: none; }
.st-key-room-chart-evidence { --chart-least: 0px; } /* it stands below the verdict */
</style>"""


def show_room_chart(picture: Picture, key: str, height: int = HEIGHT) -> None:
    """A picture without what a class cannot use: no caption, no downloads, no zoom."""
    picture.figure.update_layout(height=height, dragmode=False)
    if projector_on():
        sizes = {"font_size": round(13 * LARGER), "title_font_size": round(16 * LARGER)}
        picture.figure.update_layout(height=PROJECTED_HEIGHT, **sizes)
    with st.container(key=f"room-chart-{key}"):
        st.html(RULES)
        live_chart(picture.figure, key=f"room-{key}", alt=picture.alt)

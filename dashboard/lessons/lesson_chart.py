"""A lesson's pictures on the page, and with larger letters for a projector."""

import streamlit as st

from analysis.figures.picture import Picture
from analysis.typeset import as_markdown
from dashboard.components.live_chart import live_chart
from dashboard.components.projector import LARGER, projector_on
from dashboard.components.show import show
from dashboard.lessons.lesson import Scene

CHART_HEIGHT = 400
"""Pixels of a chart on the page."""
PROJECTED_HEIGHT = {"predict": 372, "do": 384, "decide": 470}
"""The same where a beat must fit 1280×720 with large letters."""
TABLE_WIDTH = 0.45
"""Of the pictures' room, for a table beside one."""


def lesson_charts(scene: Scene, number: int) -> None:
    """The *do* beat's pictures side by side, or one beside its table."""
    columns = st.columns([1 - TABLE_WIDTH, TABLE_WIDTH] if scene.table else len(scene.pictures), gap="small")
    for column, (key, picture) in zip(columns, scene.pictures.items(), strict=False):
        with column:
            lesson_chart(picture, f"lesson-{number}-{key}", PROJECTED_HEIGHT["do"])
    if scene.table:
        columns[-1].markdown(scene.table)


def lesson_chart(picture: Picture, key: str, projected_height: int) -> None:
    """A picture as the page has it; for a projector with larger letters, and without what a class cannot use."""
    if not projector_on():
        picture.figure.update_layout(height=CHART_HEIGHT)
        show(picture, key)
        return
    picture.figure.update_layout(
        font_size=round(13 * LARGER), title_font_size=round(16 * LARGER), height=projected_height,
        meta={**(picture.figure.layout.meta or {}), "exact": True},
    )  # fmt: skip
    live_chart(picture.figure, key=key, alt=picture.alt)
    st.caption(as_markdown(picture.sentence))

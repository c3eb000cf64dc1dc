"""A panel on a page: its charts row by row, and what is not drawn."""

from collections.abc import Callable

import streamlit as st

from dashboard.components.show import show
from dashboard.explore.panel import Panel


def show_panel(panel: Panel, keys: str = "{}", on_click: Callable[[object], None] | None = None) -> None:
    """Draw the panel's charts; `keys` makes each chart's key on the page from its name in the panel."""
    if panel.note:
        st.info(panel.note)
    for row in panel.rows:
        for column, (name, draw) in zip(st.columns(len(row), gap="medium"), row.items(), strict=True):
            with column:
                show(draw(), keys.format(name), on_click)

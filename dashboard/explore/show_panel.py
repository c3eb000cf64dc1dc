"""A panel on a page: its charts row by row, and what is not drawn."""

from collections.abc import Callable

import streamlit as st

from dashboard.components.show import show
from dashboard.explore.panel import Panel, Passes, lines_of
from dashboard.explore.slow_panel import end_computing, show_slow_panel


def show_panel(
    panel: Panel, view: Passes, name: str, keys: str = "{}", on_click: Callable[[object], None] | None = None
) -> None:
    """Draw the panel's charts.

    Args:
        panel: what to draw.
        view: the passes that it is drawn of.
        name: the panel's name.
        keys: makes each chart's key on the page from its name in the panel.
        on_click: see `live_chart`.
    """
    if panel.note:
        st.info(panel.note)
    if panel.takes_long:
        show_slow_panel(panel, (name, *view.probes.values()), keys)
        return
    end_computing()
    for line in (line for row in panel.rows for line in lines_of(row.items())):
        for column, (key, draw) in zip(st.columns(len(line), gap="medium"), line, strict=True):
            with column:
                show(draw(), keys.format(key), on_click)

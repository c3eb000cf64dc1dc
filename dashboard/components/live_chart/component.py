"""A Plotly chart that is redrawn in place. `st.plotly_chart` rebuilds it at every change and loses the zoom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Literal

import orjson
import plotly.graph_objects as go
import streamlit as st

from analysis.figures.axes import set_axes
from analysis.figures.hover import write_hovers
from analysis.figures.sketch import Sketch, count_named, layout_value
from dashboard.components.mount import component
from dashboard.components.source import source
from dashboard.server.early_scripts import PLOTLY_PATH

_DEFAULT_HEIGHT = 360
_PLAYER_HEIGHT = 40
"""Pixels, as in player.js."""
_USUAL_ROWS = 2
"""Rows of a legend for which every chart has room, as in look.js."""

_mount = component(
    "live_chart",
    # Plotly writes its style sheet into the document, where a shadow root would not see it.
    isolate_styles=False,
)


def live_chart(
    figure: go.Figure | Sketch,
    *,
    key: str,
    alt: str,
    height: int | None = None,
    on_click: Callable[[object], None] | None = None,
) -> None:
    """Show a figure and redraw it in place when it changes. Zoom and hidden traces stay.

    `alt` says in words what the picture shows, for those who cannot see it; let it follow the data. The height in
    pixels is the argument, else the figure's own, else 360; the width is the column's. Colours that the figure does
    not set itself follow the page's theme. To drop the reader's zoom on purpose, change `layout.uirevision`.
    `layout.meta.narrow` is a layout for a phone, of the same traces; with `layout.meta.exact` the chart is not made
    higher for a legend of many rows. `on_click` is called with a clicked point's
    `customdata`, or with [x, y] of a map's cell: JSON from the browser that is to be checked, before the rerun that a
    click brings.
    """
    set_axes(figure)  # also of a figure that is no picture, or was changed since
    write_hovers(figure)
    height = int(height or _own_height(figure))
    clicks, settings = on_click is not None, source().settings
    message = encode_chart(figure, key=key, alt=alt, height=height, clicks=clicks, settings=settings)
    room = _reserved_height(figure, height)
    if on_click is None:
        _mount(key=key, data=message, height=room)
        return

    def clicked() -> None:
        state = st.session_state.get(key)
        if isinstance(state, dict):
            on_click(state.get("clicked"))

    _mount(key=key, data=message, height=room, on_clicked_change=clicked)


def _own_height(figure: go.Figure | Sketch) -> float:
    """The height that a figure says it has."""
    return float(layout_value(figure, "height") or _DEFAULT_HEIGHT)


def _reserved_height(figure: go.Figure | Sketch, height: int) -> int | Literal["content"]:
    """Height that Streamlit reserves for a chart before it is drawn, so that the page does not jump.

    Only the browser knows how high a chart is that looks different on a phone, or whose legend has many rows.
    """
    meta = layout_value(figure, "meta") or {}
    if "narrow" in meta or count_named(figure) > _USUAL_ROWS:
        return "content"
    return height + (_PLAYER_HEIGHT if meta.get("play") else 0)


def expect_charts() -> None:
    """Load Plotly in the browser before the page has a chart; `page_style` hides this."""
    with st.container(key="charts-to-come"):
        _mount(key="charts-to-come--plotly", data=orjson.dumps({"plotly": PLOTLY_PATH}), height="content")


def encode_chart(
    figure: go.Figure | Sketch,
    *,
    key: str,
    alt: str,
    height: int | None = None,
    clicks: bool = False,
    settings: Mapping[str, str] | None = None,
) -> bytes:
    """The message to the browser as JSON bytes; arrays as base64, NaN and infinity as null.

    The figure's axes are set. Bytes, because Streamlit would encode a dict twice: once to send it, once to hash it.
    """
    options = (
        orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_SORT_KEYS
    )  # in whatever order it was made
    try:
        drawing = orjson.dumps(figure.to_dict(), option=options)
    except TypeError:  # dates, pandas, objects: Plotly's own, slower encoder knows them
        checked = figure.figure() if isinstance(figure, Sketch) else figure
        drawing = checked.to_json(validate=False).encode()
    envelope = {
        "key": key,
        "alt": alt,
        "height": int(height or _own_height(figure)),
        "plotly": PLOTLY_PATH,
        "clicks": clicks,
        "settings": None if settings is None else dict(settings),  # None in a drag: those of the page stay
        # Equal revisions are equal pictures: a rerun that changed nothing here redraws nothing.
        "revision": blake2b(drawing, digest_size=8).hexdigest(),
        "figure": orjson.Fragment(drawing),
    }
    return orjson.dumps(envelope)

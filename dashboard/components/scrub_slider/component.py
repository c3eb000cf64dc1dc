"""A slider through pictures that the browser already has; the server is not asked."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson
import streamlit as st
from numpy import ndarray

from analysis.typeset import as_html
from dashboard.components.mount import component, do_nothing

LATEST = -1
"""What the browser sends where the slider was released at its end: the last frame, also when more have come."""

_mount = component("scrub_slider", looks_like="live_slider")


def scrub_slider(
    label: str,
    *,
    texts: Sequence[str],
    titles: Sequence[str],
    ranges: Sequence[tuple[float, float]],
    frames: ndarray,
    chart: str,
    key: str,
    first: int = 0,
) -> int:
    """The frame at which the slider was released. During a drag the browser alone redraws the chart.

    Args:
        label: of the slider.
        texts: what is said of each frame, beside the label.
        titles: of the chart at each frame.
        ranges: of its vertical axis at each frame.
        frames: y values, [frame, trace, point]; NaN is a gap. They take the place of the first traces' of the chart.
        chart: key of the `live_chart` that is redrawn; it must have as many traces, or more.
        key: of the slider.
        first: the frame at which it begins.
    """
    state = st.session_state.get(key)
    chosen = state.get("frame") if isinstance(state, dict) else None
    last = len(texts) - 1
    frame = last if chosen == LATEST else chosen if isinstance(chosen, int) and 0 <= chosen <= last else first
    words = {"label": label, "texts": texts, "titles": [as_html(title) for title in titles], "ranges": ranges}
    _mount(key=key, data=_payload(words, frames, chart, key, frame), on_frame_change=do_nothing)
    return frame


def _payload(words: Mapping[str, object], frames: ndarray, chart: str, key: str, frame: int) -> bytes:
    """The length of a JSON header in 4 bytes, the header, and the numbers as float32; little-endian."""
    head: dict[str, Any] = {**words, "chart": chart, "key": key, "frame": frame}
    header = orjson.dumps({**head, "traces": frames.shape[1], "points": frames.shape[2]})
    return len(header).to_bytes(4, "little") + header + np.ascontiguousarray(frames, "<f4").tobytes()

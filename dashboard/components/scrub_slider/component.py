"""A slider through pictures that the browser already has; the server is not asked."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import orjson
import streamlit as st
from numpy import ndarray

from analysis.typeset import as_html
from dashboard.components.mount import component, do_nothing

LATEST = -1
"""What the browser sends where the slider was released at its end: the last frame, also when more have come."""

_mount = component("scrub_slider", looks_like="live_slider")


class Frames(Protocol):
    """What a chart shows while the hand is on the slider, one after the other."""

    @property
    def frames(self) -> ndarray:
        """Y values, [frame, trace, point]; NaN is a gap. They take the place of the first traces' of the chart."""

    @property
    def titles(self) -> Sequence[str]:
        """Of the chart, one for each frame."""

    @property
    def ranges(self) -> Sequence[tuple[float, float]]:
        """The ends of its vertical axis, one pair for each frame."""


def scrub_slider(label: str, *, texts: Sequence[str], shown: Frames, chart: str, key: str, first: int = 0) -> int:
    """The frame at which the slider was released. During a drag the browser alone redraws the chart.

    Args:
        label: of the slider.
        texts: what is said of each frame, beside the label.
        shown: what the chart shows at each frame.
        chart: key of the `live_chart` that is redrawn; it must have as many traces, or more.
        key: of the slider.
        first: the frame at which it begins.
    """
    state = st.session_state.get(key)
    chosen = state.get("frame") if isinstance(state, dict) else None
    last = len(texts) - 1
    frame = last if chosen == LATEST else chosen if isinstance(chosen, int) and 0 <= chosen <= last else first
    head = {"label": label, "texts": texts, "chart": chart, "key": key, "frame": frame}
    _mount(key=key, data=_payload(head, shown), on_frame_change=do_nothing)
    return frame


def _payload(head: Mapping[str, object], shown: Frames) -> bytes:
    """The length of a JSON header in 4 bytes, the header, and the numbers as float32; little-endian."""
    frames, titles = shown.frames, [as_html(title) for title in shown.titles]
    size = {"traces": frames.shape[1], "points": frames.shape[2]}
    header = orjson.dumps({**head, **size, "titles": titles, "ranges": shown.ranges})
    return len(header).to_bytes(4, "little") + header + np.ascontiguousarray(frames, "<f4").tobytes()

"""A spectrum to change by hand: each singular value is dragged or typed."""

from collections.abc import Callable, Sequence

import orjson
import streamlit as st

from dashboard.components.mount import component, last_message, sequence_of

_HEIGHT = 300

_mount = component("drag_spectrum")


def drag_spectrum(
    label: str,
    values: Sequence[float],
    *,
    key: str,
    values_key: str,
    largest_key: str,
    highest: float,
    on_change: Callable[[list[float]], None],
    revision_key: str,
) -> None:
    """Show the values. A change by hand calls `on_change` with all values, then the page reruns.

    While a point is dragged, `live_lab` hears of all values (a text with commas) under `values_key`, and of the
    largest under `largest_key`; a slider of that key scales the points. `highest` is the largest value allowed. Code
    that sets other values adds 1 to `st.session_state[revision_key]`: what a hand did to the older ones, and has not
    yet arrived, is then dropped.
    """
    st.session_state.setdefault(revision_key, 0)

    def changed() -> None:
        message = last_message(key)
        if message.get("revision") != st.session_state[revision_key]:
            return
        proposed = _read_spectrum(message.get("values"), len(values), highest)
        if proposed is not None:
            on_change(proposed)

    _mount(
        key=key,
        # Bytes: among the lists of a dict Streamlit looks for tables, and loads pandas for that.
        data=orjson.dumps(
            {
                "label": label,
                "values": list(values),
                "highest": highest,
                "height": _HEIGHT,
                "key": key,
                "valuesKey": values_key,
                "largestKey": largest_key,
                "revision": st.session_state[revision_key],
                "sequence": sequence_of(last_message(key)),
            }
        ),
        height="content",
        on_message_change=changed,
    )


def _read_spectrum(proposed: object, count: int, highest: float) -> list[float] | None:
    """The browser's values, if they are `count` numbers from 0 to `highest`; else None."""
    if not isinstance(proposed, list) or len(proposed) != count:
        return None
    if not all(isinstance(v, int | float) and not isinstance(v, bool) and 0 <= v <= highest for v in proposed):
        return None
    return [float(v) for v in proposed]

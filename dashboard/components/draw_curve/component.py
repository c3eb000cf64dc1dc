"""A curve to draw as a prediction: a few points, moved by pointer or arrow keys."""

from collections.abc import Sequence

import orjson

from dashboard.components.mount import component, do_nothing, last_message, sequence_of

_mount = component("draw_curve")


def draw_curve(
    label: str,
    *,
    key: str,
    lags: Sequence[int],
    lowest: float,
    highest: float,
    step: float,
    values: Sequence[float] | None,
    x_title: str,
    y_title: str,
    height: int = 320,
    larger: float = 1.0,
) -> list[float] | None:
    """The drawn curve: log₁₀ at each lag, rounded to `step`, within the picture. None while nothing is drawn.

    The line starts at (0, 10⁰). `values` is what was drawn before; the points stand at 10⁰ where that is None.
    `larger` scales the letters.
    """
    # Before the component is shown, so that it is told what this very run has heard of it.
    message = last_message(key)
    drawn = read_curve(message.get("values"), len(lags), lowest, highest, step)
    standing = values if drawn is None else drawn
    _mount(
        key=key,
        # Bytes: among the lists of a dict Streamlit looks for tables, and loads pandas for that.
        data=orjson.dumps(
            {
                "label": label,
                "lags": list(lags),
                "lowest": lowest,
                "highest": highest,
                "step": step,
                "values": None if standing is None else list(standing),
                "sequence": sequence_of(message),
                "x": x_title,
                "y": y_title,
                "height": height,
                "larger": larger,
                "key": key,
            }
        ),
        height="content",
        on_message_change=do_nothing,
    )
    return drawn


def read_curve(drawn: object, count: int, lowest: float, highest: float, step: float) -> list[float] | None:
    """The browser's values, if they are `count` finite numbers, rounded and clamped; else None."""
    if not isinstance(drawn, list) or len(drawn) != count:
        return None
    if not all(isinstance(v, int | float) and not isinstance(v, bool) and abs(v) < 1e6 for v in drawn):
        return None
    return [min(max(round(v / step) * step, lowest), highest) + 0.0 for v in drawn]

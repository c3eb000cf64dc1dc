"""A few points that a hand or the arrow keys move up and down: a curve drawn as a prediction."""

from collections.abc import Sequence

from dashboard.components.mount import component, last_message, nothing, sequence_of

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
    """What has been drawn, log₁₀ at each lag, rounded to `step` and within the picture; None while nothing has.

    The line starts at (0, 10⁰). `values` is what was drawn before; the points stand at 10⁰ where that is None.
    `larger` scales the letters.
    """
    # Before the component is shown, so that it is told what this very run has heard of it.
    message = last_message(key)
    drawn = accepted(message.get("values"), len(lags), lowest, highest, step)
    standing = values if drawn is None else drawn
    _mount(
        key=key,
        data={
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
        },
        height="content",
        on_message_change=nothing,
    )
    return drawn


def accepted(drawn: object, count: int, lowest: float, highest: float, step: float) -> list[float] | None:
    """What the browser proposes, as so many finite numbers in range; None for anything else."""
    if not isinstance(drawn, list) or len(drawn) != count:
        return None
    if not all(isinstance(v, int | float) and not isinstance(v, bool) and abs(v) < 1e6 for v in drawn):
        return None
    return [min(max(round(v / step) * step, lowest), highest) + 0.0 for v in drawn]

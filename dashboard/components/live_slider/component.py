"""A slider that sends its value while it is being dragged; `st.slider` sends it on release only."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import streamlit as st

from dashboard.components.mount import component, do_nothing, last_message, sequence_of

_mount = component("live_slider")


@dataclass(frozen=True)
class Scale:
    """The values a slider can take: the browser proposes one, `accept` decides."""

    minimum: float
    maximum: float
    step: float
    logarithmic: bool = False

    def __post_init__(self) -> None:
        if not all(math.isfinite(x) for x in (self.minimum, self.maximum, self.step)):
            raise ValueError("minimum, maximum and step must be finite")
        if self.minimum >= self.maximum:
            raise ValueError(f"minimum ({self.minimum}) must be smaller than maximum ({self.maximum})")
        if self.step <= 0:
            raise ValueError(f"step ({self.step}) must be positive")
        if self.logarithmic and self.minimum <= 0:
            raise ValueError(f"a logarithmic slider needs a positive minimum, not {self.minimum}")

    @property
    def whole(self) -> bool:
        """True where only whole numbers are accepted: a linear scale with a whole minimum and step."""
        return not self.logarithmic and float(self.minimum).is_integer() and float(self.step).is_integer()

    def accept(self, candidate: object, otherwise: float) -> float:
        """The candidate clamped to the scale; `otherwise` if it is not a finite number.

        A typed value is kept exact between two steps, so it is not rounded to one; only a whole scale rounds.
        """
        if isinstance(candidate, bool) or not isinstance(candidate, int | float):
            return otherwise
        try:
            number = float(candidate)
        except OverflowError:  # an integer of more than 308 digits
            return otherwise
        if not math.isfinite(number):
            return otherwise
        if self.whole:
            number = float(round(number))
        return min(max(number, float(self.minimum)), float(self.maximum))


@dataclass(frozen=True)
class _Shown:
    """What the slider last showed, and how many times code (not a hand) has set it."""

    value: float
    revision: int


def live_slider(
    label: str,
    *,
    minimum: float,
    maximum: float,
    value: float,
    step: float,
    key: str,
    unit: str = "",
    logarithmic: bool = False,
    least: str = "",
    most: str = "",
    help: str | None = None,  # noqa: A002  Streamlit's word for it
) -> float:
    """The slider's value now, also in the middle of a drag.

    Put it in the `@st.fragment` that draws what depends on it. The value lives in `st.session_state[key]`, a plain
    number that survives a change of page. To set it from code (a preset), assign to it, in a button's callback or
    anywhere before this call: `st.session_state[key] = 1.5`; the thumb follows. `value` is only the first value.

    `step` is the distance between two positions of the thumb; with `logarithmic` it is in decades (0.05 is ×1.12).
    Any value in between can be typed. `least` is shown in place of the lowest value, `most` in place of the highest;
    both may be typed.

    Raises `ValueError` for an empty range, a step that is not positive, or a logarithmic scale that reaches 0.
    """
    scale = Scale(minimum, maximum, step, logarithmic)
    component_key = f"{key}--live-slider"
    kept: list[_Shown | None] = st.session_state.setdefault(f"{key}--shown", [None])  # what it last showed

    message = last_message(component_key)
    shown = _settle(
        scale,
        first=scale.accept(value, otherwise=float(minimum)),
        stored=st.session_state.get(key),
        memory=kept[0],
        message=message,
    )
    # A run can be overtaken wherever it touches the session's state: both are kept, or neither. Else the next run
    # would take the hand's value for one that code has assigned, and drop what the hand has sent since.
    st.session_state[key] = shown.value
    kept[0] = shown

    _mount(
        key=component_key,
        data={
            **asdict(scale),
            **asdict(shown),
            "whole": scale.whole,
            "label": label,
            "unit": unit,
            "least": least,
            "most": most,
            "help": help or "",
            "key": key,
            # The browser sends its next value only once this number has come back.
            "sequence": sequence_of(message),
        },
        on_message_change=do_nothing,
    )
    return shown.value


def _settle(scale: Scale, *, first: float, stored: object, memory: _Shown | None, message: dict[str, Any]) -> _Shown:
    """The value to show: the one that code has assigned, else the hand's, else the last one."""
    revision = message.get("revision")
    if memory is None:
        # A new session. After a lost connection the browser still knows its value: keep it.
        known = revision if isinstance(revision, int) else 0
        proposed = message.get("value") if stored is None else stored
        return _Shown(scale.accept(proposed, otherwise=first), known)
    if stored is not None and stored != memory.value:
        return _Shown(scale.accept(stored, otherwise=memory.value), memory.revision + 1)
    before = scale.accept(memory.value, otherwise=first)  # the range itself may have changed
    if revision != memory.revision:
        return _Shown(before, memory.revision)  # sent before the preset arrived: the preset stands
    return _Shown(scale.accept(message.get("value"), otherwise=before), memory.revision)

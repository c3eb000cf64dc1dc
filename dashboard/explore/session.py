"""Explore's settings in a visitor's session: prepared before the widgets, kept after them, read with their types."""

from collections.abc import Mapping

import streamlit as st

from dashboard.explore.link import read_settings
from dashboard.explore.presets import PRESETS
from dashboard.explore.settings import CONTROLS, Settings
from dashboard.server.checks import Value
from dashboard.session import read_session

_KEPT = "explore-settings"
_PINNED = "pinned"
_PRESET = "preset"
SPECTRUM_REVISION = "spectrum-revision"
"""Counts how often code has set the spectrum; see `drag_spectrum`."""


def prepare_settings(link: Mapping[str, str]) -> list[str]:
    """Give every setting an allowed value before its widget is made; a few words for each that was refused.

    The link counts on the first run; without one the first visit begins at the first preset. Streamlit drops a widget's
    value with its page; a copy of all outlives it.
    """
    if _PRESET not in st.session_state:
        st.session_state[_PRESET] = None if link else 0
        if not link:
            _apply_settings(PRESETS[0].settings)
    wrong: list[str] = []
    if _KEPT not in st.session_state:
        values, wrong = read_settings(link)
        st.session_state[_KEPT] = Settings.of(values)
    kept = _kept_settings().as_values()
    for name in CONTROLS:
        refused = read_settings({name: st.session_state[name]})[1] if name in st.session_state else []
        if name not in st.session_state or refused:
            st.session_state[name] = kept[name]
        wrong += refused
    return wrong


def keep_settings() -> tuple[Settings, list[str]]:
    """Copy all settings for the next visit of the page; return them, and a few words for each that was refused.

    What is refused, and what has no widget just now, keeps its last value.
    """
    given = {name: st.session_state[name] for name in CONTROLS if name in st.session_state}
    allowed, wrong = read_settings(given)
    kept = _kept_settings().as_values() | allowed
    for name in kept.keys() - given.keys():
        st.session_state[name] = kept[name]
    st.session_state[_KEPT] = settings = Settings.of(kept)
    return settings, wrong


def _kept_settings() -> Settings:
    return read_session(_KEPT, Settings, Settings())


def _apply_settings(values: Mapping[str, Value]) -> None:
    """Set all settings: these, and the defaults of all others. For a button's callback."""
    change_settings({name: control.default for name, control in CONTROLS.items()} | dict(values))


def change_settings(values: Mapping[str, Value]) -> None:
    """Set these settings, and leave the others. For a button's callback."""
    st.session_state[SPECTRUM_REVISION] = read_session(SPECTRUM_REVISION, int, 0) + 1
    for name, value in values.items():
        st.session_state[name] = value


def chosen_preset() -> int | None:
    """The number of the preset that was last chosen."""
    number = read_session(_PRESET, int, -1)
    return number if 0 <= number < len(PRESETS) else None


def choose_preset(number: int) -> None:
    """Go to a preset."""
    _apply_settings(PRESETS[number].settings)
    st.session_state[_PRESET] = number


def pinned_settings() -> Settings | None:
    """The settings that are pinned as A; None where none are."""
    pinned = st.session_state.get(_PINNED)
    return pinned if isinstance(pinned, Settings) else None


def pin_settings() -> None:
    """Pin the present settings as A."""
    st.session_state[_PINNED], _ = keep_settings()


def unpin_settings() -> None:
    """Forget A."""
    st.session_state[_PINNED] = None

"""Explore's settings in a visitor's session: prepared before the widgets, kept after them, read with their types."""

from collections.abc import Mapping
from dataclasses import replace

import streamlit as st

from dashboard.components.address import Arrival
from dashboard.components.refusal import refuse
from dashboard.explore.link import read_settings
from dashboard.explore.networks import NAMING, OpenedNetwork, controls_of, network_of, open_network
from dashboard.explore.presets import PRESETS
from dashboard.explore.settings import CONTROLS, Settings
from dashboard.explore.state import FIRST, State, read_state
from dashboard.server.checks import Value
from dashboard.session import read_session
from experiments.errors import ConfigError

_KEPT = "explore-settings"
_PINNED = "pinned"
_PRESET = "preset"
_PROBLEM = "explore-problem"
_SHOWN = "explore-shown"
_SET = "explore-set"
"""The settings that code has set, and whose widgets show another value until the whole page is drawn."""
SPECTRUM_REVISION = "spectrum-revision"
"""Counts how often code has set the spectrum; see `drag_spectrum`."""


def prepare_settings(arrival: Arrival) -> list[str]:
    """Give every setting an allowed value before its widget is made; a few words for each that was refused.

    The address counts where the visitor has just come by it; without parameters, the first visit begins at the first
    preset. Streamlit drops a widget's value with its page, and then has one from before it; a copy of all outlives it.
    """
    link, wrong = arrival.link, list[str]()
    comes_back = arrival.has_come and _KEPT in st.session_state
    if _PRESET not in st.session_state:
        st.session_state[_PRESET] = None if link else 0
        if not link:
            _apply_settings(PRESETS[0].settings)
    if arrival.has_come and link:
        wrong = _follow_link(arrival)
    elif arrival.by_history and kept_settings().is_drawn:  # back at the first visit
        show_state(FIRST)
    st.session_state.setdefault(_KEPT, Settings())
    controls = controls_of(_open_or_leave(kept_settings()))
    for name in st.session_state.pop(_SET, ()):
        st.session_state[name] = st.session_state[name]  # what is set in an earlier run, Streamlit sends to no widget
    for name, value in kept_settings().as_values().items():
        refused = read_settings({name: st.session_state[name]}, controls)[1] if name in st.session_state else []
        if comes_back or refused or name not in st.session_state:
            st.session_state[name] = value
        wrong += [] if comes_back else refused
    return wrong


def _follow_link(arrival: Arrival) -> list[str]:
    """Go to the state of a link; a few words for what it has wrong.

    Where its network cannot be opened, all stays as it is. What is looked at stays where another page leads here.
    """
    try:
        state, wrong = read_state(arrival.link)
    except ConfigError as error:
        say_later(error)
        return []
    if state is not None:
        seen = {} if arrival.by_history or _KEPT not in st.session_state else _seen_values()
        asked = {name: value for name, value in seen.items() if name not in arrival.link}
        show_state(replace(state, settings=Settings.of({**state.settings.as_values(), **asked})))
    return wrong


def _seen_values() -> dict[str, Value]:
    """The settings that only choose what is looked at."""
    return {name: value for name, value in kept_settings().as_values().items() if CONTROLS[name].is_view}


def present_state() -> State:
    """The state of the last run."""
    return State(kept_settings(), pinned_settings(), chosen_preset())


def show_state(state: State) -> None:
    """Go to a state. For a widget's callback, or before the widgets are made."""
    st.session_state[_KEPT] = state.settings
    st.session_state[_PINNED] = state.pinned
    st.session_state[_PRESET] = state.preset
    change_page(state.settings.as_values())


def _open_or_leave(settings: Settings) -> OpenedNetwork | None:
    """The network that settings name; where it is gone, the page goes back to one that it draws, and says so."""
    try:
        return network_of(settings)
    except ConfigError as error:
        st.session_state[_PROBLEM] = str(error)
        _go_to(None, PRESETS[0].settings)
        return None


def keep_settings() -> tuple[Settings, list[str]]:
    """Copy all settings for the next visit of the page; return them, and a few words for each that was refused.

    What is refused, and what has no widget just now, keeps its last value.

    Raises:
        ConfigError: the network that they name is gone.
    """
    given = {name: st.session_state[name] for name in CONTROLS if name in st.session_state}
    kept = kept_settings().as_values()
    naming, _ = read_settings({name: value for name, value in given.items() if name in NAMING})
    allowed, wrong = read_settings(given, controls_of(open_network(kept | naming)))
    kept |= allowed
    for name in kept.keys() - given.keys():
        st.session_state[name] = kept[name]
    st.session_state[_KEPT] = settings = Settings.of(kept)
    return settings, wrong


def open_in_page(naming: Mapping[str, Value]) -> None:
    """Go to a network as it was found; where it cannot be opened, stay, and say so. For a widget's callback."""
    try:
        opened = open_network(naming)
    except ConfigError as error:
        say_later(error)
        change_page({name: getattr(kept_settings(), name) for name in NAMING})
    else:
        _go_to(opened, {})


def leave_network() -> None:
    """Go back to networks that the page draws. For a button's callback."""
    _go_to(None, PRESETS[0].settings)
    st.session_state[_PRESET] = 0


def say_later(error: ConfigError) -> None:
    """Keep what is wrong until the page is drawn."""
    st.session_state[_PROBLEM] = str(error)


def say_problem() -> None:
    """Say in a sentence which network could not be opened, once."""
    if problem := st.session_state.pop(_PROBLEM, None):
        refuse(str(problem))


def _go_to(opened: OpenedNetwork | None, values: Mapping[str, Value]) -> None:
    """Set all settings: these, and for the others where the network is; what is looked at stays."""
    start = Settings().as_values() if opened is None else opened.start
    naming = {} if opened is None else opened.naming
    settings = Settings.of({**start, **_seen_values(), **values, **naming})
    st.session_state[_KEPT] = settings
    st.session_state[_PRESET] = None
    change_page(settings.as_values())


def kept_settings() -> Settings:
    """The settings of the last run."""
    return read_session(_KEPT, Settings, Settings())


def _apply_settings(values: Mapping[str, Value]) -> None:
    """Set all settings: these, and the defaults of all others. For a button's callback."""
    change_page({name: control.default for name, control in CONTROLS.items()} | dict(values))


def change_page(values: Mapping[str, Value]) -> None:
    """Set these settings, and leave the others; the whole page is drawn anew. For a button's callback."""
    change_settings(values)
    st.session_state[_SET] = tuple(values)


def page_must_change() -> bool:
    """Whether a button within a part of the page has set what other parts show."""
    return _SET in st.session_state


def change_settings(values: Mapping[str, Value]) -> None:
    """Set these settings, whose widgets are in the part of the page that is drawn next. For a button's callback."""
    st.session_state[SPECTRUM_REVISION] = read_session(SPECTRUM_REVISION, int, 0) + 1
    for name, value in values.items():
        st.session_state[name] = value


def chosen_preset() -> int | None:
    """The number of the preset that was last chosen."""
    number = read_session(_PRESET, int, -1)
    return number if 0 <= number < len(PRESETS) else None


def choose_preset(number: int) -> None:
    """Go to a preset, with its A beside it; an A that another preset has brought goes."""
    if (pinned := PRESETS[number].pinned) or st.session_state.get(_PINNED) in [preset.pinned for preset in PRESETS]:
        st.session_state[_PINNED] = pinned
    _apply_settings(PRESETS[number].settings)
    st.session_state[_PRESET] = number


def shown_settings() -> Settings | None:
    """The settings of the last picture; None where there is none."""
    shown = st.session_state.get(_SHOWN)
    return shown if isinstance(shown, Settings) else None


def remember_shown(settings: Settings) -> None:
    """Keep the settings of a picture, to show it again where the next ones are refused."""
    st.session_state[_SHOWN] = settings


def pinned_settings() -> Settings | None:
    """The settings that are pinned as A; None where none are. Where their network is gone, a sentence says so."""
    pinned = st.session_state.get(_PINNED)
    if not isinstance(pinned, Settings):
        return None
    try:
        network_of(pinned)
    except ConfigError as error:
        refuse(error)
        unpin_settings()
        return None
    return pinned


def pin_settings() -> None:
    """Pin the present settings as A."""
    st.session_state[_PINNED], _ = keep_settings()


def unpin_settings() -> None:
    """Forget A."""
    st.session_state[_PINNED] = None

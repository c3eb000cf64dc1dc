"""What has changed on Explore since the starting point, and the ways back: undo, redo, reset."""

import streamlit as st

from dashboard.components.address import write_address
from dashboard.components.as_text import as_text
from dashboard.explore.differences import describe_differences
from dashboard.explore.networks import network_of
from dashboard.explore.presets import PRESETS
from dashboard.explore.session import choose_preset, chosen_preset, kept_settings, present_state, show_state
from dashboard.explore.settings import Settings
from dashboard.explore.state import State, write_state
from dashboard.session import read_session

MOST_STATES = 100
"""States that can be undone."""
MOST_NAMED = 3
"""Changes that the line names."""
_STATES, _PLACE = "explore-states", "explore-place"


def remember_state() -> None:
    """Write the state that the page shows now into the address, and keep it, so that what follows can be undone.

    What was undone before is dropped.
    """
    states, place, now = _states(), _place(), present_state()
    write_address(write_state(now))
    if states and states[place] == now:
        return
    st.session_state[_STATES] = [*states[: place + 1], now][-MOST_STATES:]
    st.session_state[_PLACE] = len(st.session_state[_STATES]) - 1


def _states() -> list[State]:
    return read_session(_STATES, list, [])


def _place() -> int:
    """Which of the states the page shows, or has shown before what it shows now."""
    return min(read_session(_PLACE, int, 0), max(len(_states()) - 1, 0))


def _earlier() -> int | None:
    """The place of the state before the present one; None where there is none.

    What is on the page now and could not be shown was not kept: the state before it is the last that was.
    """
    states, place = _states(), _place()
    if states and states[place] != present_state():
        return place
    return place - 1 if place > 0 else None


def _later() -> int | None:
    """The place of the state that was undone last."""
    states, place = _states(), _place()
    return place + 1 if place + 1 < len(states) and states[place] == present_state() else None


def _go(place: int) -> None:
    """Show one of the states. For a button's callback."""
    if 0 <= place < len(_states()):
        st.session_state[_PLACE] = place
        show_state(_states()[place])


def _reset() -> None:
    """Go back to the starting point. For a button's callback."""
    chosen = chosen_preset()
    if chosen is None:
        show_state(State(Settings()))
    else:
        choose_preset(chosen)


def show_changes() -> None:
    """What to try or what has changed, and the buttons. Draw it once the settings of this run are kept."""
    chosen, settings = chosen_preset(), kept_settings()
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="changes"):
        changed = describe_changed(settings, chosen)
        words = "Drag a slider, or choose a starting point." if chosen is None else PRESETS[chosen].try_this
        st.markdown(changed or (words if settings.is_drawn else ""))
        _button("Undo", "undo", "Mod+Z", _earlier())
        _button("Redo", "redo", "Mod+Shift+Z", _later())
        if settings.is_drawn:
            st.button("Reset", key="reset", type="tertiary", icon=":material/restart_alt:", on_click=_reset,
                      disabled=not changed)  # fmt: skip


def _button(words: str, name: str, keys: str, place: int | None) -> None:
    st.button(
        words, key=name, type="tertiary", icon=f":material/{name}:", shortcut=keys, on_click=_go,
        args=(-1 if place is None else place,), disabled=place is None,
    )  # fmt: skip


def describe_changed(settings: Settings, preset: int | None) -> str:
    """`Changed from *Forget gate*: Keep-gate bias: 3 → 1.2.` as Markdown; nothing where nothing has changed."""
    opened = network_of(settings)
    if opened is not None:
        start, name = Settings.of(opened.start), "the network as it was found"
    elif preset is None:
        start, name = Settings(), "the defaults"
    else:
        start, name = Settings.of(PRESETS[preset].settings), f"*{PRESETS[preset].name}*"
    changes = describe_differences(start, settings)
    more = f"; {len(changes) - MOST_NAMED} more" if len(changes) > MOST_NAMED else ""
    return f"Changed from {name}: {as_text('; '.join(changes[:MOST_NAMED]))}{more}." if changes else ""

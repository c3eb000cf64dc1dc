"""What Explore says about settings that are not allowed, or for which there is no room."""

from collections.abc import Sequence

import streamlit as st

from dashboard.components.as_text import as_text
from dashboard.control_names import name_control
from dashboard.explore.configs import lowered
from dashboard.explore.settings import CONTROLS, Settings

MOST_NAMED = 5
"""Settings that the sentence names."""


def say_refused(wrong: Sequence[str]) -> None:
    """Say in one sentence which settings of a link or a message are not allowed; each keeps its last value."""
    if wrong:
        some = "; ".join(map(name_control, wrong[:MOST_NAMED]))
        st.warning(as_text(f"Some settings are not allowed and keep their last values: {some}."))


def say_lowered(settings: Settings) -> None:
    """Say which settings have smaller values than their controls show."""
    for name, most in lowered(settings).items():
        used = f"is {most} here" if most else "is left to the task here"
        st.caption(f"{CONTROLS[name].label} {used}: a sequence length of {settings.seq_len:g} has no room for more.")

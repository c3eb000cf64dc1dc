"""What Explore says about settings that are not allowed."""

from collections.abc import Sequence

import streamlit as st

from dashboard.components.as_text import as_text
from dashboard.control_names import name_control

MOST_NAMED = 5
"""Settings that the sentence names."""


def say_refused(wrong: Sequence[str]) -> None:
    """Say in one sentence which settings of a link or a message are not allowed; each keeps its last value."""
    if wrong:
        some = "; ".join(map(name_control, wrong[:MOST_NAMED]))
        st.warning(as_text(f"Some settings are not allowed and keep their last values: {some}."))

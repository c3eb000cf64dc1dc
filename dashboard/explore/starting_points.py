"""The row of presets at the top of Explore."""

from typing import Literal

import streamlit as st

from dashboard.components.projector import projector_switch
from dashboard.explore.presets import PRESETS
from dashboard.explore.session import choose_preset, chosen_preset


def show_presets() -> None:
    """Places to start; `show_changes` says what to drag."""
    chosen = chosen_preset()
    with st.container(horizontal=True, gap="small", key="presets"):
        for k, preset in enumerate(PRESETS):
            kind: Literal["secondary", "tertiary"] = "secondary" if chosen == k else "tertiary"
            st.button(preset.name, key=f"preset-{k}", on_click=choose_preset, args=(k,), type=kind)
        st.space("stretch")
        projector_switch()

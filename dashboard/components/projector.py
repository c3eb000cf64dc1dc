"""Projector mode: large letters and no menus, readable from the last row."""

import streamlit as st

RULES = """
html { font-size: 20px; }
[data-testid="stHeader"], [data-testid="stSidebar"], [data-testid="stSidebarCollapsedControl"] { display: none; }
.stMainBlockContainer { padding: 0.6rem 1.4rem 0 !important; }
[data-testid="stVerticalBlock"] { gap: 0.5rem; }
.st-key-lesson-head { padding-top: 0; }
.st-key-presets button { min-height: 0; padding-block: 0.25rem; }
[data-testid="stRadio"] label p { font-size: 1rem; line-height: 1.5; }
[data-testid="stSelectbox"] [data-baseweb="select"] { font-size: 0.9rem; }
"""

LARGER = 1.3
"""Factor on the letters of a lesson's charts, whose sizes are pixels; others grow with the page's own."""

PARAMETER = "projector"
"""`?projector=1` opens a page in this mode."""


def projector_on() -> bool:
    """Whether projector mode is on: by `?projector=1` in the address or by the button."""
    if "projector" not in st.session_state:
        st.session_state["projector"] = st.query_params.get(PARAMETER) == "1"
    return bool(st.session_state["projector"])


def projector_style() -> None:
    """Add the rules to the page, after `page_style`."""
    st.html(f"<style>{RULES}</style>")


def projector_switch() -> None:
    """A button that turns projector mode on or off."""
    words = "Leave projector" if projector_on() else "Projector"
    st.button(
        words, key="projector-switch", icon=":material/present_to_all:", type="tertiary", on_click=_toggle_projector
    )


def _toggle_projector() -> None:
    """Turn projector mode on or off."""
    st.session_state["projector"] = not projector_on()

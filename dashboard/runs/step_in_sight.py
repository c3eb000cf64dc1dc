"""The slider over recorded steps stays at the upper edge while the pictures that it drives scroll below it."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

_KEY = "step-in-sight"
_RULES = """
.stMain { --page: light-dark(#ffffff, #12151c); --line: light-dark(#d9dce5, #363d4d); }
/* A low window, such as a phone's on its side, keeps all of its height for the pictures. */
@media (min-height: 480px) {
  [data-testid="stLayoutWrapper"]:has(> .st-key-step-in-sight) {
    position: sticky; top: 3.75rem; z-index: 9; background: var(--page); border-bottom: 1px solid var(--line);
  }
  .stMain:has(.st-key-step-in-sight) { scroll-padding-top: 9rem; }
}
"""


def step_style() -> None:
    """Add the rules to the page, after `page_style`."""
    st.html(f"<style>{_RULES}</style>")


def step_in_sight() -> DeltaGenerator:
    """A place for the slider. It stays in sight as long as the container around it does."""
    return st.container(key=_KEY)

"""What a page says where its code failed; the traceback stays in the terminal."""

import streamlit as st


def say_failed(error: Exception) -> bool:
    """Say in one sentence that the page could not be drawn, in the place of Streamlit's words (True)."""
    st.error(f"This page could not be drawn ({type(error).__name__}). Reload it to start again.")
    return True

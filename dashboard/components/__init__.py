"""Streamlit components that answer during a drag: a live slider and a chart redrawn in place."""

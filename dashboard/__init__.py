"""The Streamlit dashboard: a folder per page, components, lessons, and what the server allows."""

"""The Streamlit dashboard: views, components, lessons, session state and caching."""

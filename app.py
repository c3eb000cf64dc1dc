"""Gradient Flow Lab in a browser: `streamlit run app.py`."""

from pathlib import Path

import streamlit as st

from dashboard.failed_page import say_failed
from dashboard.server.labs import labs
from dashboard.server.live import doors, routes, spare_collector, warmed

ICONS = {"explore": "tune", "train": "model_training", "runs": "folder_open", "sweeps": "grid_view",
         "learn": "school", "room": "groups"}  # fmt: skip

if __name__ == "__main__":  # Streamlit runs this file as the page's script, once for every rerun
    labs()  # what the pages import is then there, by one thread's hand
    from dashboard.components.live_chart import expect_charts

    pages = [
        st.Page(f"dashboard/{name}/page.py", title=name.title(), url_path=name, icon=f":material/{icon}:")
        for name, icon in ICONS.items()
    ]
    page = st.navigation(pages, position="top")  # the first page is the default
    mark = Path(__file__).parent / "dashboard/icon.svg"
    st.set_page_config(f"{page.title} · Gradient Flow Lab", mark, layout="wide")
    expect_charts()
    page.run()
    spare_collector()
else:  # and `streamlit run` imports it once, to find the server with the route that answers a drag
    app = st.App(Path(__file__), routes=routes(), middleware=doors(), lifespan=warmed, on_script_error=say_failed)

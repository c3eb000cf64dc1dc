"""Gradient Flow Lab in a browser: `streamlit run app.py`."""

from pathlib import Path

import streamlit as st

from dashboard.failed_page import say_failed
from dashboard.labs import labs
from dashboard.live import doors, routes, spare_collector, warmed

if __name__ == "__main__":  # Streamlit runs this file as the page's script, once for every rerun
    st.set_page_config("Gradient Flow Lab", Path(__file__).parent / "dashboard/icon.svg", layout="wide")
    labs()  # what the pages import is then there, by one thread's hand
    from dashboard.components.live_chart import expect_charts

    expect_charts()
    st.navigation(
        [
            st.Page("dashboard/views/explore.py", title="Explore", icon=":material/tune:", default=True),
            st.Page("dashboard/views/train.py", title="Train", icon=":material/model_training:"),
            st.Page("dashboard/views/runs.py", title="Runs", icon=":material/folder_open:"),
            st.Page("dashboard/views/sweeps.py", title="Sweeps", icon=":material/grid_view:"),
            st.Page("dashboard/views/learn.py", title="Learn", icon=":material/school:"),
        ],
        position="top",
    ).run()
    spare_collector()
else:  # and `streamlit run` imports it once, to find the server with the route that answers a drag
    app = st.App(Path(__file__), routes=routes(), middleware=doors(), lifespan=warmed, on_script_error=say_failed)

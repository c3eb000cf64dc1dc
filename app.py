"""Gradient Flow Lab in a browser: `streamlit run app.py`."""

import streamlit as st

st.set_page_config(page_title="Gradient Flow Lab", page_icon=":material/ssid_chart:", layout="wide")
st.navigation(
    [
        st.Page("dashboard/views/explore.py", title="Explore", icon=":material/tune:", default=True),
        st.Page("dashboard/views/train.py", title="Train", icon=":material/model_training:"),
        st.Page("dashboard/views/runs.py", title="Runs", icon=":material/folder_open:"),
        st.Page("dashboard/views/sweeps.py", title="Sweeps", icon=":material/grid_view:"),
    ],
    position="top",
).run()

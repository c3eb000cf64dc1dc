"""Every kind of chart, driven through numbers that no axis has a place for."""

import sys
from pathlib import Path

import streamlit as st

sys.path.append(str(Path(__file__).parents[1]))
from pictured import DATA, pictures_of

from dashboard.components.live_chart import live_chart
from dashboard.server.live import routes


@st.fragment
def lab() -> None:
    chosen = st.segmented_control("Data", list(DATA), default="rising", required=True)
    pictures = [p for p in pictures_of(DATA[chosen]) if p.name != "surface"]  # whose axes turn, too
    for first in (0, 5):
        for k, column in enumerate(st.columns(5), start=first):
            if k < len(pictures):
                with column:
                    live_chart(pictures[k].figure, key=f"chart-{k}", alt=f"{pictures[k].name}: {chosen}", height=380)


if __name__ == "__main__":
    st.set_page_config(page_title="Axes", layout="wide")
    lab()
else:
    app = st.App(Path(__file__), routes=routes())

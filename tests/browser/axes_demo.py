"""Every kind of chart, driven through numbers that no axis has a place for."""

import sys
from pathlib import Path

import streamlit as st

sys.path.append(str(Path(__file__).parents[1]))
from pictured import DATA, pictures_of

from dashboard.components.live_chart import live_chart
from dashboard.live import routes


@st.fragment
def lab() -> None:
    chosen = st.segmented_control("Data", list(DATA), default="rising", required=True)
    pictures = [p for p in pictures_of(DATA[chosen]) if p.name != "surface"]  # whose axes turn, too
    for k, (column, picture) in enumerate(zip(st.columns(len(pictures)), pictures, strict=True)):
        with column:
            live_chart(picture.figure, key=f"chart-{k}", alt=f"{picture.name}: {chosen}", height=260)


if __name__ == "__main__":
    st.set_page_config(page_title="Axes", layout="wide")
    lab()
else:
    app = st.App(Path(__file__), routes=routes())

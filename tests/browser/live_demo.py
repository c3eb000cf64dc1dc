"""One slider, two charts: the smallest page on which everything live can be watched."""

from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from dashboard.components.live_chart import live_chart
from dashboard.components.live_slider import live_slider
from dashboard.server.live import doors, routes


def set_base(value: float) -> None:
    st.session_state["base"] = value


@st.fragment
def lab() -> None:
    st.button("Vanish", on_click=set_base, args=(0.5,))
    controls = st.columns(3)
    with controls[0]:
        base = live_slider(
            "Largest singular value",
            minimum=0.0,
            maximum=2.0,
            value=1.0,
            step=0.01,
            key="base",
            help="Above 1 the gradient may explode; below 1 it vanishes.",
        )
    with controls[1]:
        threshold = live_slider(
            "Clip threshold",
            minimum=0.001,
            maximum=1000.0,
            value=1.0,
            step=0.05,
            key="threshold",
            logarithmic=True,
        )
    with controls[2]:
        length = live_slider("Sequence length", minimum=5, maximum=100, value=40, step=1, key="length", unit="steps")
    st.text(f"server: {base:.6g}, {threshold:.6g}, {length:.6g}")
    lag = np.arange(int(length) + 1, dtype=np.float32)
    power = np.float64(base) ** lag
    lines = go.Figure(
        [
            go.Scatter(x=lag, y=power, name="Elman", line_color="#D55E00"),
            go.Scatter(x=lag, y=np.minimum(power, threshold), name="clipped", line_color="#0072B2"),
        ],
        layout={"xaxis_title": "lag", "yaxis_title": "size", "margin_t": 30},
    )
    wave = go.Figure(
        go.Scatter(x=lag, y=np.sin(base * lag), name="wave", line_color="#009E73"),
        layout={"xaxis_title": "lag", "margin_t": 30},
    )
    left, right = st.columns(2)
    with left:
        live_chart(lines, key="lines", alt=f"{base:.3g} to the power of the lag", height=300)
    with right:
        live_chart(wave, key="wave", alt=f"A wave of frequency {base:.3g}", height=300)


if __name__ == "__main__":
    st.set_page_config(page_title="Live components", layout="wide")
    st.title("Live components")
    lab()
else:
    app = st.App(Path(__file__), routes=routes(), middleware=doors())

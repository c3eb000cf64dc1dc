"""One look for all figures: one template, and colours with the same meaning everywhere."""

import math

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float
from numpy import ndarray
from plotly.subplots import make_subplots

from analysis.figures.sketch import Sketch
from models.cells.registry import CELLS

CELL_COLOURS = {name: cell.words.colour for name, cell in CELLS.items()}
"""Each cell's colour on every page."""

OTHER_COLOURS = ("#CC79A7", "#56B4E9", "#E69F00", "#F0E442")
"""Colours from Okabe & Ito's palette for everything that is not a cell."""

DIVERGING = "RdBu_r"
"""Blue below, red above the middle: hidden states around 0, log gradients around their size at the loss."""

ZERO_TO_ONE = "Cividis"
"""Gates, from 0 (dark) to 1 (bright)."""

NEUTRAL = "#8a8f9c"
"""Grey that is readable on the light and on the dark page: bounds, levels, thresholds."""

BAR_BELOW = {
    "orientation": "h", "thickness": 10, "yref": "container", "y": 0, "yanchor": "bottom", "title": {"side": "right"},
}  # fmt: skip
"""A colour scale below its chart, for charts that stand three in a row and are narrow."""

LARGEST_SIDE = 512
"""Most cells along a side of a heatmap: about as many as a screen can show."""


def cell_colour(cell: str) -> str:
    """The cell's colour on every page."""
    return CELL_COLOURS[cell]


def cell_name(cell: str) -> str:
    """The cell's name as people write it."""
    return CELLS[cell].words.label


def the_cell(cell: str) -> str:
    """`the Elman RNN`, `the LSTM`: the cell within a sentence."""
    return CELLS[cell].words.phrase


def cell_symbol(cell: str) -> str:
    """The cell's marker."""
    return CELLS[cell].words.symbol


def translucent(colour: str, opacity: float) -> str:
    """A `#rrggbb` colour with an opacity from 0 to 1."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


AXIS = {
    "automargin": True,
    "ticklabeloverflow": "allow",  # to look for labels that leave the picture lays the page out anew for each frame
    "zeroline": False,
    "gridcolor": "rgba(138,143,156,0.3)",
    "ticks": "",
    "title": {"standoff": 12},
    "exponentformat": "power",  # 1×10⁻⁶, where the browser would write 1μ
    "minexponent": 4,  # 15,000, as sentences write it, and not 1.5×10⁴
    "separatethousands": True,
}

# Plotly's own templates are copied deeply for every figure, which takes longer (35 ms) than a recorded pass.
TEMPLATE = go.layout.Template(
    layout={
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"size": 13},
        "title": {"x": 0, "xref": "container", "y": 1, "yref": "container", "yanchor": "top",
                  "pad": {"l": 8, "t": 10}, "font": {"size": 16}},
        "margin": {"l": 64, "r": 16, "t": 64, "b": 48},
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.0, "yanchor": "bottom"},
        "hovermode": "closest",
        "xaxis": AXIS,
        "yaxis": AXIS,
        "coloraxis": {"colorbar": {"exponentformat": "power"}},
    },
    data={"heatmap": [{"colorbar": {"exponentformat": "power"}}]},
)  # fmt: skip
"""The look of all figures; text and background follow the page's theme."""


PLAIN_TEMPLATE = TEMPLATE.to_plotly_json()


def figure(title: str, x_title: str, y_title: str, height: int) -> go.Figure:
    """An empty figure with the common look."""
    return go.Figure(layout={**layout(title, height), **axis_titles(x_title, y_title)})


def sketch(title: str, x_title: str, y_title: str, height: int) -> Sketch:
    """The same as a sketch, for a picture that follows a hand."""
    look = {**layout(title, height), **axis_titles(x_title, y_title)}
    return Sketch({**look, "template": PLAIN_TEMPLATE})


def axis_titles(x_title: str, y_title: str) -> dict[str, object]:
    """The names of the two axes."""
    return {"xaxis": {"title": {"text": x_title}}, "yaxis": {"title": {"text": y_title}}}


def grid(title: str, height: int, rows: int, columns: int, **arguments: object) -> go.Figure:
    """An empty grid of subplots with the common look; further arguments go to `plotly.subplots.make_subplots`."""
    return make_subplots(rows, columns, figure=go.Figure(layout=layout(title, height)), **arguments)


def layout(title: str, height: int) -> dict[str, object]:
    """The layout of every figure; `uirevision` keeps zoom and hidden lines through every redraw."""
    return {"template": TEMPLATE, "height": height, "title": {"text": title}, "uirevision": "kept"}


LEGEND_RIGHT = {"orientation": "v", "x": 1.02, "xanchor": "left", "y": 1.0, "yanchor": "top"}
"""For legends with too many entries for one row above the chart."""

FEW_STEPS = 8
"""Up to so many timesteps Plotly's own ticks may lie between them."""


def whole_ticks(count: int) -> dict[str, int]:
    """An axis of so few steps that Plotly would name parts of them: one tick each."""
    return {"dtick": 1} if count <= FEW_STEPS else {}


TIMESTEPS = "timestep t (the last loss is at the right)"
"""The axis of time; a task may have a loss at every timestep."""

LEGEND_BELOW = {"orientation": "h", "yref": "container", "y": 0.01, "yanchor": "bottom"}
"""For narrow charts, where a legend above would cover the title."""


def on_screen(values: Float[ndarray, "rows columns"]) -> tuple[Float[ndarray, "r c"], int, int]:
    """The values thinned to at most 512 per side, and the two thinning steps."""
    steps = [max(1, math.ceil(size / LARGEST_SIDE)) for size in values.shape]
    thinned = values[:: steps[0], :: steps[1]]
    return np.asarray(thinned, dtype=np.float32), steps[0], steps[1]


def thinning_note(row_step: int, column_step: int, rows: str, columns: str) -> str:
    """A sentence about thinning for the caption; empty if every value is drawn."""
    parts = [f"every {ordinal(step)} {what}" for step, what in ((row_step, rows), (column_step, columns)) if step > 1]
    return f" Drawn thinned: {' and '.join(parts)}." if parts else ""


def ordinal(n: int) -> str:
    """2 → `2nd`."""
    suffix = "th" if n % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{suffix}"

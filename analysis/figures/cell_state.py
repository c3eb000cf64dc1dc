"""The cell state over time: how large dL/dc_t is, and how large c_t itself, one line per cell that has one."""

from collections.abc import Mapping

from jaxtyping import Int
from numpy import ndarray

from analysis.cell_state import CellStateProfile, Spread
from analysis.figures.decades import decades_axis
from analysis.figures.edges import add_edge_marks
from analysis.figures.lines import mode_of
from analysis.figures.picture import Picture
from analysis.figures.profile import finite
from analysis.figures.sketch import Sketch
from analysis.figures.theme import LEGEND_BELOW, TIMESTEPS, cell_colour, cell_name, sketch, translucent, whole_ticks
from analysis.numbers import LN_10
from analysis.wording import power_of_ten

HEIGHT = 380


def cell_gradient_picture(cells: Mapping[str, CellStateProfile]) -> Picture:
    """log₁₀‖dL/dc_t‖ over t: the total gradient, the path through h_t included."""
    left = {cell: p.log_norm.median[p.lag.argmax()] - p.log_norm.median[p.lag.argmin()] for cell, p in cells.items()}
    said = ", ".join(f"{cell_name(cell)} {power_of_ten(log / LN_10)}" for cell, log in left.items())
    return lines_over_time(
        "cell-gradient",
        f"dL/dc_t at the first timestep against the last: {said}",
        "size of dL/dc_t",
        cells,
        {cell: p.log_norm for cell, p in cells.items()},
        "Each line is the size of the total gradient of the cell state c_t, its path through h_t included; the band "
        "holds the middle 80 % of the batch.",
    )


def cell_size_picture(cells: Mapping[str, CellStateProfile]) -> Picture:
    """log₁₀‖c_t‖ over t."""
    last = {cell: p.log_size.median[p.lag.argmin()] for cell, p in cells.items()}
    said = ", ".join(f"{cell_name(cell)} {power_of_ten(log / LN_10)}" for cell, log in last.items())
    return lines_over_time(
        "cell-size",
        f"Size of c_t at the loss: {said}",
        "size of c_t",
        cells,
        {cell: p.log_size for cell, p in cells.items()},
        "Each line is the size ‖c_t‖ of the cell state at timestep t; the band holds the middle 80 % of the batch. A "
        "line that rises to the end adds up, and tanh(c_t) may saturate.",
    )


def lines_over_time(
    name: str,
    title: str,
    y_title: str,
    cells: Mapping[str, CellStateProfile],
    sizes: Mapping[str, Spread],
    sentence: str,
) -> Picture:
    """A line with its band per cell, of sizes that are given as natural logs."""
    made = sketch(title, TIMESTEPS, y_title, HEIGHT)
    made.update_layout(legend=LEGEND_BELOW, margin={"t": 48})
    made.update_xaxes(**whole_ticks(len(next(iter(cells.values())).t)))
    columns: dict[str, list[float]] = {}
    for cell, spread in sizes.items():
        t = cells[cell].t
        add_spread(made, cell, t, spread)
        columns = {"t": t.tolist(), "lag": cells[cell].lag.tolist(), **columns}
        columns |= {
            f"{cell} log {y_title} {which}": values.tolist()
            for which, values in (("median", spread.median), ("10%", spread.low), ("90%", spread.high))
        }
    made.update_yaxes(**decades_axis(trace["y"] for trace in made.data))
    return Picture(name, made, sentence, f"{title}.", columns)


def add_spread(made: Sketch, cell: str, t: Int[ndarray, " time"], spread: Spread) -> None:
    """Draw the band, the median, and marks at the edges for what has no place on the axis."""
    name, colour = cell_name(cell), cell_colour(cell)
    low, median, high = (finite(values) / LN_10 for values in (spread.low, spread.median, spread.high))
    edge = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False, "legendgroup": name}
    made.add_scatter(x=t, y=high, name=f"{name}: largest 10 %", **edge)
    made.add_scatter(
        x=t, y=low, name=f"{name}: 80 % of the batch", fill="tonexty", fillcolor=translucent(colour, 0.16), **edge
    )
    made.add_scatter(
        x=t, y=median, mode=mode_of(median), line={"color": colour, "width": 2.5},
        name=name, legendgroup=name, hovertemplate=f"{name}, t = %{{x}}: %{{y:size}}<extra></extra>",
    )  # fmt: skip
    add_edge_marks(made, t, spread.median, name, colour)

"""Hidden states and gates as unit × time heatmaps."""

from collections.abc import Iterable, Mapping

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float
from numpy import ndarray

from analysis.figures.edges import add_special_cells
from analysis.figures.picture import Picture
from analysis.figures.theme import (
    BAR_BELOW,
    DIVERGING,
    ZERO_TO_ONE,
    cell_name,
    grid,
    on_screen,
    sketch,
    the_cell,
    thinning_note,
)
from analysis.wording import percent, significant
from models.cells.registry import CELLS

UnitsOverTime = Float[ndarray, "time unit"]


def colour_limit(values: Iterable[UnitsOverTime]) -> float:
    """One limit for several maps: the smallest of 0.1, 0.2, 0.5, 1 above all finite |values|, else their maximum."""
    largest = max((float(np.max(np.abs(v[np.isfinite(v)]), initial=0.0)) for v in values), default=0.0)
    return next((limit for limit in (0.1, 0.2, 0.5, 1.0) if largest <= limit), largest)


def hidden_picture(cell: str, hidden: UnitsOverTime, limit: float, what: str = "hidden state h") -> Picture:
    """One sample's states, [time, unit], on a scale from −limit to limit."""
    values, unit_step, time_step = on_screen(hidden.T)
    finite = values[np.isfinite(values)]
    largest = float(np.abs(finite).max()) if finite.size else 1.0
    lost = int(np.sum(~np.isfinite(hidden)))
    busy = float(np.mean(np.abs(finite) > 0.9)) if finite.size and largest <= 1 else None
    title = f"{cell_name(cell)}: {what}, " + (f"{lost} not finite" if lost else f"up to ±{significant(largest)}")
    made = sketch(title, "timestep t", "unit", 340)
    made.update_layout(margin={"t": 48, "b": 88})
    t, unit = 1 + time_step * np.arange(values.shape[1]), 1 + unit_step * np.arange(values.shape[0])
    made.add_heatmap(
        z=values, x=t, y=unit, zmin=-limit, zmax=limit, colorscale=DIVERGING, colorbar=BAR_BELOW,
        hovertemplate="t = %{x}, unit %{y}: %{z:number}<extra></extra>",
    )  # fmt: skip
    add_special_cells(made, values, t, unit, zeros=False, words="t = %{x}, unit %{y}")
    alt = f"{what} of {hidden.shape[1]} units over {hidden.shape[0]} timesteps, largest absolute value "
    alt += significant(largest) + (f"; {percent(busy)} of the values are beyond ±0.9" if busy is not None else "")
    sentence = f"Each row is one unit of {the_cell(cell)} over time, for the first sequence of the batch: blue is "
    sentence += "negative, red positive" + ("; grey is not a number, or infinite." if lost else ".")
    return Picture(
        f"{cell}-{what.split()[0]}",
        made,
        sentence + thinning_note(unit_step, time_step, "unit", "timestep"),
        f"{cell_name(cell)}, {alt}.",
        {
            "t": list(range(1, len(hidden) + 1)),
            **{f"unit {k + 1}": column.tolist() for k, column in enumerate(hidden.T)},
        },
    )


def gates_picture(cell: str, gates: Mapping[str, UnitsOverTime]) -> Picture:
    """One sample's gates, each [time, unit], one above the other."""
    words = CELLS[cell].words.gates
    names = [words[name].name.partition(" (")[0] for name in gates]  # three charts in a row are narrow
    keeps = {name: words[name].name[-8] for name in gates if words[name].name.endswith("keeps)")}
    candidates = [name for name in gates if words[name].part == "candidate"]
    means = {name: float(np.mean(values)) for name, values in gates.items()}
    title = f"{cell_name(cell)} means: " + ", ".join(
        f"{n} {round(m, 2) + 0.0:.2f}".replace("-", "−") for n, m in means.items()
    )
    rows = len(gates)
    made = grid(title, 150 * rows + 90, rows, 1, shared_xaxes=True, vertical_spacing=0.07, subplot_titles=names)
    note, lost = "", ""
    for row, (name, gate) in enumerate(gates.items(), start=1):
        values, unit_step, time_step = on_screen(gate.T)
        note = thinning_note(unit_step, time_step, "unit", "timestep")
        candidate = name in candidates
        made.add_trace(
            go.Heatmap(
                z=values,
                x=1 + time_step * np.arange(values.shape[1]),
                y=1 + unit_step * np.arange(values.shape[0]),
                coloraxis="coloraxis2" if candidate else "coloraxis",
                name=name,
                hovertemplate=f"{name}, t = %{{x}}, unit %{{y}}: %{{z:.3f}}<extra></extra>",
            ),
            row=row,
            col=1,
        )
        x, y = made.data[-1].x, made.data[-1].y
        if add_special_cells(made, values, x, y, zeros=False, words="t = %{x}, unit %{y}", row=row, col=1):
            lost = " Grey is not a number, or infinite."
        made.update_yaxes(title_text="unit", row=row, col=1)
    made.update_xaxes(title_text="timestep t", row=len(gates), col=1)
    bar = {"thickness": 12, "len": 0.5, "yanchor": "middle"}
    made.update_layout(
        coloraxis={"colorscale": ZERO_TO_ONE, "cmin": 0, "cmax": 1, "colorbar": {**bar, "y": 0.76, "title": "gate"}},
        coloraxis2={
            "colorscale": DIVERGING, "cmin": -1, "cmax": 1, "colorbar": {**bar, "y": 0.22, "title": "candidate"},
        },
        margin_t=72,
    )  # fmt: skip
    closed = {name: float(np.mean(v < 0.1)) for name, v in gates.items() if name not in candidates}
    opened = {name: float(np.mean(v > 0.9)) for name, v in gates.items() if name not in candidates}
    alt = "; ".join(
        f"{n}: mean {significant(means[n])}, {percent(closed[n])} below 0.1, {percent(opened[n])} above 0.9"
        for n in closed
    )
    flat = {"t": list(range(1, len(next(iter(gates.values()))) + 1))}
    for name, gate in gates.items():
        flat |= {f"{name} unit {k + 1}": column.tolist() for k, column in enumerate(gate.T)}
    return Picture(
        f"{cell}-gates",
        made,
        "Each row is one unit's gate over time, for the first sequence of the batch: dark is shut, bright open."
        + "".join(f" Where {name} is {value}, the state is kept." for name, value in keeps.items())
        + lost
        + note,
        f"Gates of {the_cell(cell)}. {alt}.",
        flat,
    )

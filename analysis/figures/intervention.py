"""The gradient before and after a state was changed, from the next timestep on."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from analysis.figures.decades import decades_axis
from analysis.figures.edges import add_edge_marks
from analysis.figures.picture import Picture
from analysis.figures.theme import LEGEND_BELOW, cell_colour, cell_name, figure, translucent
from analysis.numbers import LN_10

Later = Float[ndarray, " later"]


def intervention_picture(t: int, sizes: Mapping[str, tuple[Later, Later]]) -> Picture:
    """log₁₀‖dL/dh_s‖ over s > t: cell → ln of the sizes before and after the change (nats)."""
    made = figure("The gradient after the change", "timestep", "size of dL/dh_t", 320)
    made.update_layout(legend=LEGEND_BELOW, margin_t=48)
    columns: dict[str, list[object]] = {}
    for cell, (before, after) in sizes.items():
        steps = t + 1 + np.arange(len(after))
        columns |= {"t": [*steps.tolist()], f"{cell} before": [*before.tolist()], f"{cell} after": [*after.tolist()]}
        for values, what, dash in ((before, "before", "dot"), (after, "after", "solid")):
            colour = cell_colour(cell) if what == "after" else translucent(cell_colour(cell), 0.7)
            y = np.where(np.isfinite(values), values, np.nan) / LN_10
            made.add_scatter(x=steps, y=y, mode="lines", name=f"{cell_name(cell)} {what}",
                             line={"color": colour, "dash": dash})  # fmt: skip
            add_edge_marks(made, steps, values, f"{cell_name(cell)} {what}", colour)
    made.update_yaxes(**decades_axis(trace.y for trace in made.data))
    names = " and ".join(map(cell_name, sizes))
    return Picture(
        "intervention", made,
        f"The size of dL/dh_t (the median over the batch) from timestep {t + 1} on, before the change (dotted) and "
        "after it.",
        f"Gradient of {names} after timestep {t}, before and after the change.", columns,
    )  # fmt: skip

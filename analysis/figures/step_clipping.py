"""Where in time clipping inside BPTT engages."""

from collections.abc import Mapping

import numpy as np

from analysis.figures.lines import chart_of_lines, point_columns
from analysis.figures.picture import Picture
from analysis.figures.theme import cell_colour, cell_name
from analysis.step_clipping import StepClipping
from analysis.wording import PERCENT, significant


def step_clipping_picture(of_cells: Mapping[str, StepClipping]) -> Picture:
    """The share of preactivations whose gradient was beyond the threshold, over time, the mean over sequences."""
    shares = {cell: 100 * np.nanmean(steps.share, axis=1) for cell, steps in of_cells.items()}
    means = {cell: 100 * float(np.nanmean(steps.share)) for cell, steps in of_cells.items()}
    named = ", ".join(f"{cell_name(cell)} {significant(mean)}{PERCENT}" for cell, mean in means.items())
    title = f"Clipped inside BPTT: {named}"
    made = chart_of_lines(title, "timestep", "clipped, %", 400, (0.0, 100.0), 0.0)
    time = {cell: np.arange(1, len(share) + 1, dtype=float) for cell, share in shares.items()}
    for cell, share in shares.items():
        made.add_scatter(
            x=time[cell], y=share, name=cell_name(cell), mode="lines",
            line={"color": cell_colour(cell), "width": 2.5, "shape": "hvh"},
            hovertemplate=f"{cell_name(cell)}, t = %{{x}}: %{{y:number}} %<extra></extra>",
        )  # fmt: skip
    sentence = (
        "The share of the top layer's preactivations whose gradient was beyond the threshold at each timestep. The "
        "gradient comes from the right. What was clipped goes on at the threshold (Graves 2013)."
    )
    columns = point_columns("t", "clipped, %", ((cell_name(cell), time[cell], share) for cell, share in shares.items()))
    return Picture("step-clipping", made, sentence, f"{title}.", columns)

"""The gradient profiles of several runs over each other, counted back from the loss."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from analysis.figures.among import Among
from analysis.figures.decades import decades_axis
from analysis.figures.edges import add_edge_marks, is_behind_the_end
from analysis.figures.picture import Picture
from analysis.figures.reach import describe_reach, title_of_lines
from analysis.figures.theme import LEGEND_BELOW, figure
from analysis.numbers import LN_10


@dataclass(frozen=True, eq=False)
class LaidOver:
    """One run's line."""

    label: str
    colour: str
    dash: str
    log_norm: Float[ndarray, " lag"]
    """Median of ln‖dL/dh_t‖ over the batch (nats), from lag 0 on; NaN beyond the run's first timestep."""


def drawn_values(log_norm: Float[ndarray, "... lag"], among: Among) -> Float[ndarray, "... point"]:
    """log₁₀ of the sizes as the chart has them: thinned, and with a gap where there is no finite number."""
    kept = log_norm[..., :: among.every]
    return np.where(np.isfinite(kept), kept, np.nan) / LN_10


def laid_over_picture(lines: Sequence[LaidOver], among: Among) -> Picture:
    """log₁₀‖dL/dh_t‖ over the lag from the loss, which is at the right; one line per run, all on the same axes."""
    title = title_of_lines([line.label for line in lines], [line.log_norm for line in lines])
    made = figure(title, "lag: timesteps back from the loss", "size of dL/dh_t", 430)
    made.update_layout(legend=LEGEND_BELOW, margin_t=48)
    lag = np.arange(0, max(len(line.log_norm) for line in lines), among.every)
    columns: dict[str, list[object]] = {"run": [], "lag": [], "log_norm": []}
    for line in lines:
        y = drawn_values(line.log_norm, among)
        made.add_scatter(
            x=lag[: len(y)], y=y, mode="lines", name=line.label, line={"color": line.colour, "dash": line.dash},
            hovertemplate="lag %{x}: %{y:size}",
        )  # fmt: skip
    for line in lines:  # after the lines, whose places a slider knows
        kept = line.log_norm[:: among.every]
        known = ~is_behind_the_end(kept) & ~np.isnan(line.log_norm).all()
        add_edge_marks(made, lag[: len(kept)][known], kept[known], line.label, line.colour, along="lag")
        columns["run"] += [line.label] * len(line.log_norm)
        columns["lag"] += list(range(len(line.log_norm)))
        columns["log_norm"] += line.log_norm.tolist()
    made.update_xaxes(range=[max(len(line.log_norm) for line in lines) - 1, 0])
    made.update_yaxes(**{**decades_axis([np.array(among.ends)]), "range": among.ends})
    ends = [f"{line.label}: {describe_reach(line.log_norm)}" for line in lines]
    return Picture(
        "profiles-of-runs",
        made,
        "Each line is the size of the total gradient dL/dh_t of one run (the median over its batch), from the loss at "
        "the right back to the first timestep at the left. At each step every run shows its latest recorded profile.",
        f"Gradient profiles of {len(lines)} runs. {'; '.join(ends)}.",
        columns,
    )

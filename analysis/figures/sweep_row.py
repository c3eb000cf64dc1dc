"""The gradient profiles of one row of a sweep, in one chart."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from plotly.colors import sample_colorscale

from analysis.figures.decades import decades_axis
from analysis.figures.edges import add_edge_marks
from analysis.figures.picture import Picture
from analysis.figures.reach import title_of_lines
from analysis.figures.theme import LEGEND_RIGHT, figure
from analysis.numbers import LN_10


@dataclass(frozen=True, eq=False)
class RowProfile:
    """The gradient profile of one run in a row."""

    label: str
    lag: Int[ndarray, " point"]
    log_norm: Float[ndarray, " point"]
    """Nats."""


SEEN = (0.25, 0.72)
"""The part of the colour scale that can be seen on the light and on the dark page."""
NO_PROFILE = "No run of this row has a profile yet."


def row_picture(row: str, profiles: Sequence[RowProfile], of_several: bool = False) -> Picture:
    """log₁₀‖dL/dh_t‖ over lag, one line per run of the row, from blue (first value) to green (last value).

    Without a profile, as while a sweep starts, the title says so in an empty frame.

    Args:
        row: the row in words.
        profiles: one for each value of the row.
        of_several: whether a value has several seeds, of which the profile is the first one's that has one.
    """
    made = figure(
        _title_of(row, profiles) if profiles else NO_PROFILE,
        "lag: timesteps back from the loss",
        "size of dL/dh_t",
        380,
    )
    made.update_yaxes(**decades_axis(p.log_norm / LN_10 for p in profiles))
    if not profiles:
        made.update_xaxes(showticklabels=False)
        made.update_yaxes(showticklabels=False)
    shades = sample_colorscale("Viridis", np.linspace(*SEEN, len(profiles)).tolist())
    columns: dict[str, list[object]] = {"run": [], "lag": [], "log_norm": []}
    for profile, shade in zip(profiles, shades, strict=True):
        y = np.where(np.isfinite(profile.log_norm), profile.log_norm, np.nan) / LN_10
        made.add_scatter(
            x=profile.lag, y=y, mode="lines", name=profile.label, line={"color": shade, "width": 2},
            hovertemplate=f"{profile.label}, lag %{{x}}: %{{y:size}}<extra></extra>",
        )  # fmt: skip
        add_edge_marks(made, profile.lag, profile.log_norm, profile.label, shade, along="lag")
        columns["run"] += [profile.label] * len(profile.lag)
        columns["lag"] += profile.lag.tolist()
        columns["log_norm"] += profile.log_norm.tolist()
    made.update_layout(legend=LEGEND_RIGHT, xaxis_autorange="reversed")  # the loss is at the right, as in all profiles
    ends = [f"{p.label}: {p.log_norm[0] / LN_10:.1f} decades at lag {p.lag[0]}" for p in profiles if len(p.lag)]
    whose = ": that of the first seed that has a profile, not the mean over seeds" if of_several else ""
    sentence = (
        f"The size of the total gradient at each distance from the loss, one line for each value of the row{whose}."
    )
    alt = f"Gradient profiles. {'; '.join(ends)}." if ends else NO_PROFILE
    return Picture("sweep-row", made, sentence, alt, columns)


def _title_of(row: str, profiles: Sequence[RowProfile]) -> str:
    """The row, and what is left of the gradient in its lines."""
    found = title_of_lines([p.label for p in profiles], [p.log_norm[np.argsort(p.lag)] for p in profiles])
    return f"{row}. {found}"

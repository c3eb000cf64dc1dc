"""The parameter gradient before and after clipping."""

import math
from collections.abc import Mapping

import numpy as np

from analysis.clipping import Clipping
from analysis.figures.decades import decades_axis
from analysis.figures.picture import Picture
from analysis.figures.stacked import stacked
from analysis.figures.theme import NEUTRAL, cell_colour, cell_name, grid
from analysis.numbers import LN_10
from analysis.wording import power_of_ten, significant

ALL = "all parameters"


def clipping_picture(clippings: Mapping[str, Clipping]) -> Picture:
    """log₁₀ of each parameter's gradient norm before (ring) and after (dot) clipping, one column per cell."""
    titles = [cell_name(c) for c in clippings]
    rows = 1 + max((len(c.parameter_log_norm_before) for c in clippings.values()), default=0)
    # The parameters have the same names in every cell: one column of labels is enough.
    height = max(360, 150 + 21 * rows)
    made = grid(headline(clippings), height, 1, len(clippings), subplot_titles=titles, shared_yaxes=True,
                horizontal_spacing=0.04)  # fmt: skip
    made.update_layout(showlegend=False, margin={"l": 96, "t": 84})
    has_marks = False
    columns: dict[str, list[object]] = {"cell": [], "parameter": [], "log_norm before": [], "log_norm after": []}
    for column, (cell, c) in enumerate(clippings.items(), start=1):
        before = {ALL: c.log_norm_before, **c.parameter_log_norm_before}
        colour = cell_colour(cell)
        edge = {"width": 2, "color": colour}
        after = {ALL: c.log_norm_after, **c.parameter_log_norm_after}
        labels = {name: name.removeprefix("recurrent.") for name in before}
        for name, label in labels.items():
            columns["cell"].append(cell)
            columns["parameter"].append(label)
            columns["log_norm before"].append(before[name])
            columns["log_norm after"].append(after[name])
            if math.isfinite(before[name]) and math.isfinite(after[name]) and before[name] != after[name]:
                made.add_scatter(
                    x=[before[name] / LN_10, after[name] / LN_10], y=[label, label], mode="lines", hoverinfo="skip",
                    line={"color": NEUTRAL, "width": 2}, row=1, col=column,
                )  # fmt: skip
        for values, symbol, what in ((before, "circle-open", "before"), (after, "circle", "after")):
            made.add_scatter(
                x=[v / LN_10 if math.isfinite(v) else None for v in values.values()], y=list(labels.values()),
                mode="markers", marker={"symbol": symbol, "size": 10, "color": colour, "line": edge},
                name=f"{cell_name(cell)} {what}", row=1, col=column,
                hovertemplate=f"%{{y}} {what} clipping: %{{x:size}}<extra></extra>",
            )  # fmt: skip
        for side, symbol, what, is_so in (
            ("left", "triangle-left", "exactly zero", lambda v: v == -math.inf),
            ("right", "x", "not a number, or infinite", lambda v: math.isnan(v) or v == math.inf),
        ):
            marked = [label for name, label in labels.items() if is_so(before[name])]
            if marked:
                has_marks = True
                made.add_scatter(
                    x=[math.nan] * len(marked), y=marked, mode="markers", meta={"edge": side}, cliponaxis=False,
                    marker={"symbol": symbol, "size": 9, "color": colour}, name=f"{cell_name(cell)}: {what}",
                    row=1, col=column, hovertemplate=f"%{{y}}: {what}<extra></extra>",
                )  # fmt: skip
        if c.threshold is not None:
            made.add_vline(
                x=math.log10(c.threshold), line={"color": NEUTRAL, "dash": "dash"}, layer="below", row=1, col=column
            )
    drawn = [np.array(columns[f"log_norm {when}"], float) / LN_10 for when in ("before", "after")]
    made.update_yaxes(autorange="reversed")
    # One scale for all, so that cells can be compared.
    made.update_xaxes(title_text="gradient norm", matches="x", **decades_axis(drawn))
    picture = Picture(
        "clipping",
        made,
        explain(any(c.threshold is not None for c in clippings.values()))
        + (
            " A triangle at the left edge is exactly zero, a cross at the right edge is Inf or NaN."
            if has_marks
            else ""
        ),
        "Clipping. " + " ".join(describe(cell, c) for cell, c in clippings.items()),
        columns,
    )
    return stacked(picture)


def explain(has_threshold: bool) -> str:
    """What the marks mean."""
    if not has_threshold:
        return "Dots are the norms of the parameter gradients, which stay as they are."
    return (
        "Rings are the norms of the parameter gradients before clipping, dots after; the dashed line is the threshold."
    )


def headline(clippings: Mapping[str, Clipping]) -> str:
    """Which cells are clipped."""
    if all(c.threshold is None for c in clippings.values()):
        return "Nothing is clipped: there is no threshold"
    clipped = [cell_name(cell) for cell, c in clippings.items() if c.engaged]
    threshold = significant(next(c.threshold for c in clippings.values() if c.threshold is not None))
    return f"Threshold {threshold} clips {', '.join(clipped)}" if clipped else f"Threshold {threshold} clips nothing"


def describe(cell: str, c: Clipping) -> str:
    """One cell's clipping in a sentence."""
    before, after = (power_of_ten(v / LN_10) for v in (c.log_norm_before, c.log_norm_after))
    return f"{cell_name(cell)}: norm {before} before, {after} after, cosine {significant(c.cosine)}."

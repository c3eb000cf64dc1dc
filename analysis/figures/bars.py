"""Stacked bars of signed parts, with a mark at their sum."""

from collections.abc import Mapping, Sequence

import numpy as np

from analysis.figures.edges import add_edge_marks
from analysis.figures.picture import Picture
from analysis.figures.theme import LEGEND_BELOW, NEUTRAL, OTHER_COLOURS, figure
from analysis.wording import significant


def parts_picture(
    name: str,
    title: str,
    places: Sequence[str],
    parts: Mapping[str, Sequence[float]],
    sentence: str,
    y_title: str,
) -> Picture:
    """One column per place: each part is a block above (or below) zero, and a diamond marks the sum.

    Args:
        name: of downloaded files.
        title: the result in one line.
        places: the columns' names.
        parts: part's name → its value in each place; NaN if it does not exist there.
        sentence: the caption.
        y_title: the quantity that is added up.
    """
    made = figure(title, "", y_title, 400)
    made.update_layout(barmode="relative", legend=LEGEND_BELOW, margin_t=48, bargap=0.45)
    for k, (part, values) in enumerate(parts.items()):
        made.add_bar(
            x=list(places), y=list(values), name=part, marker={"color": OTHER_COLOURS[k % len(OTHER_COLOURS)]},
            hovertemplate=f"{part}, %{{x}}: %{{y:number}}<extra></extra>",
        )  # fmt: skip
    each = np.array([list(values) for values in parts.values()], float)
    sums = np.where(np.isnan(each).all(axis=0), np.nan, np.nansum(each, axis=0))
    made.add_scatter(
        x=list(places), y=sums, mode="markers", name="sum",
        marker={"symbol": "diamond", "size": 12, "color": "#ffffff", "line": {"color": "#1d2230", "width": 2}},
        hovertemplate="sum, %{x}: %{y:number}<extra></extra>",
    )  # fmt: skip
    add_edge_marks(made, np.array(places), sums, "sum", NEUTRAL, along="at", logs=False)
    made.add_hline(y=0, line={"color": NEUTRAL, "width": 1}, layer="below")
    written = "; ".join(f"{place}: {significant(float(s))}" for place, s in zip(places, sums, strict=True))
    columns: dict[str, Sequence[object]] = {"place": list(places)}
    columns |= {part: [float(v) for v in values] for part, values in parts.items()}
    return Picture(name, made, sentence, f"{title}. Sums: {written}.", columns | {"sum": sums.tolist()})

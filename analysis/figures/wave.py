"""The wave: the unrolled network, layer over layer, lit by the gradient that runs back through it from the loss."""

from collections.abc import Mapping, Sequence

import numpy as np

from analysis.figures.picture import Picture
from analysis.figures.theme import DIVERGING, LN_10, cell_name, figure, on_screen, thinning_note
from analysis.profile import Profile
from analysis.wording import significant

MOST_DECADES = 16.0
"""Powers of ten to either side at which the colours end: as many as float64 has digits."""


def wave_picture(layers: Mapping[str, Sequence[Profile]]) -> Picture:
    """The size of dL/dh_t against its size at the loss, a row a cell and layer, the top layer uppermost.

    Args:
        layers: cell → the profile of each of its layers, the first layer first; all of the same length. With two
            directions a layer has two rows, forwards and backwards.
    """
    rows = {row_name(cell, k, len(ps)): against_the_loss(p, ps[-1]) for cell, ps in layers.items()
            for k, p in reversed([*enumerate(ps)])}  # fmt: skip
    t = next(iter(layers.values()))[0].t
    values, _, step = on_screen(np.stack([*rows.values()]))
    finite = values[np.isfinite(values)]
    limit = float(np.clip(np.abs(finite).max(initial=1.0), 1.0, MOST_DECADES))
    made = figure(headline(rows), "timestep t (the loss is at the right)", "", 130 + 46 * len(rows))
    made.add_heatmap(
        z=values, x=t[::step], y=[*rows], zmin=-limit, zmax=limit, colorscale=DIVERGING, xgap=1 if len(t) <= 100 else 0,
        ygap=6, colorbar={"title": {"text": "powers<br>of ten"}, "thickness": 12},
        hovertemplate="%{y}, t = %{x}: 10<sup>%{z:.2f}</sup> of its size at the loss<extra></extra>",
    )  # fmt: skip
    made.update_yaxes(autorange="reversed", ticks="")
    # The chart's player covers what the gradient has not reached yet, from the first number back to the second.
    made.update_layout(meta={"play": [int(t[-1]), int(t[0])]})
    ends = "; ".join(f"{name} {significant(float(z[0]))} at t = {t[0]}" for name, z in rows.items())
    return Picture(
        "wave",
        made,
        "Each row is one layer, unrolled over time. Play it: from the loss at the right, the gradient runs back; where "
        "it is as large as at the loss it is pale, blue where it vanishes, red where it explodes."
        + thinning_note(1, step, "layer", "timestep"),
        f"Size of dL/dh_t against its size at the loss, in powers of ten: {ends}.",
        {"t": t.tolist(), **{f"{name} log10 of the ratio": z.tolist() for name, z in rows.items()}},
    )


def row_name(cell: str, layer: int, count: int) -> str:
    """A row's label: the cell, and which layer of several."""
    return cell_name(cell) if count == 1 else f"{cell_name(cell)} {layer + 1}"


def against_the_loss(p: Profile, top: Profile) -> np.ndarray:
    """log₁₀ of the median ‖dL/dh_t‖ over that of the top layer at its largest end, where the loss sits."""
    ends = [value for value in (top.median[-1], top.median[0]) if np.isfinite(value)]
    return (p.median - (ends[0] if ends else 0.0)) / LN_10


def headline(rows: Mapping[str, np.ndarray]) -> str:
    """What is seen, in a line: where the wave ends."""
    ends = [f"{name} 10<sup>{z[0]:.0f}</sup>" for name, z in rows.items() if np.isfinite(z[0])]
    if not ends:
        return "No gradient reaches the first timestep"
    return f"What is left at the first timestep: {', '.join(ends[:4])}" + (", …" if len(ends) > 4 else "")

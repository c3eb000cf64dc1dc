"""The wave: the unrolled network, layer over layer, coloured by the gradient that runs back from the loss."""

from collections.abc import Mapping, Sequence

import numpy as np

from analysis.figures.decades import POWERS_OF_TEN
from analysis.figures.edges import add_special_cells
from analysis.figures.hatch import NO_PATH, hatch
from analysis.figures.picture import Picture
from analysis.figures.sketch import Plain
from analysis.figures.theme import (
    BAR_BELOW,
    DIVERGING,
    TIMESTEPS,
    cell_name,
    on_screen,
    sketch,
    thinning_note,
    whole_ticks,
)
from analysis.numbers import LN_10
from analysis.profile import Profile
from analysis.wording import power_of_ten, significant

MOST_DECADES = 16.0
"""The colours end at so many powers of ten on either side: as many as float64 has digits."""
FEW = 50
"""Timesteps up to which there is a gap between cells: on a phone more would be all gaps."""


def wave_picture(layers: Mapping[str, Sequence[Profile]]) -> Picture:
    """The size of dL/dh_t relative to its size at the loss; one row per cell and layer, the top layer uppermost.

    Args:
        layers: cell → the profile of each of its layers, the first layer first; all of the same length. With two
            directions a layer has two rows, forwards and backwards.
    """
    rows = {name: against_the_loss(p, ps[-1]) for cell, ps in layers.items()
            for name, p in reversed([*zip(row_names(cell, ps), ps, strict=True)])}  # fmt: skip
    all_profiles = [p for ps in layers.values() for p in reversed(ps)]
    t = all_profiles[0].t
    unreached = np.stack([np.zeros(len(t), bool) if p.no_path is None else p.no_path for p in all_profiles])
    values, _, step = on_screen(np.where(unreached, 0.0, np.stack([*rows.values()])))
    drawn = np.where(unreached[:, ::step], np.nan, values)
    finite = values[np.isfinite(values)]
    limit = float(np.clip(np.abs(finite).max(initial=1.0), 1.0, MOST_DECADES))
    made = sketch(headline(rows, any(map(has_several_losses, all_profiles))), TIMESTEPS, "", 165 + 46 * len(rows))
    made.update_layout(margin={"t": 48, "b": 88})
    made.update_xaxes(**whole_ticks(len(t)))
    gaps: Plain = {"xgap": 1 if len(t) <= FEW else 0, "ygap": 6}
    made.add_heatmap(
        z=np.where(np.isfinite(drawn), drawn, np.nan),
        x=t[::step], y=[*rows], zmin=-limit, zmax=limit, colorscale=DIVERGING, **gaps,
        colorbar={**BAR_BELOW, **POWERS_OF_TEN, "dtick": max(1, round(limit / 2)), "tickangle": 0},
        hovertemplate="%{y}, t = %{x}: %{z:size} of its size at the loss<extra></extra>",
    )  # fmt: skip
    special = add_special_cells(made, values, t[::step], [*rows], words="%{y}, t = %{x}", **gaps)
    made.update_yaxes(autorange="reversed", ticks="")
    why = {p.why_no_path: None for p in all_profiles if p.no_path is not None and p.no_path.any()}
    hatched = f" {NO_PATH} {' '.join(why)}" if hatch(made, t, [*unreached], gap=0.12, cells=True) else ""
    if finite.size:
        # The chart's player covers what the gradient has not reached yet, from the first number back to the second.
        made.update_layout(meta={"play": [int(t[-1]), int(t[0])]})
    ends = "; ".join(f"{name} {significant(float(z[0]))} at t = {t[0]}" for name, z in rows.items())
    return Picture(
        "wave",
        made,
        "Each row is one layer, unrolled over time (the median over the batch). The gradient runs back from the last "
        "loss, at the right. Pale cells are as large as there, blue cells smaller, red cells larger."
        + "".join(f" {words.capitalize()}." for words in special)
        + hatched
        + thinning_note(1, step, "layer", "timestep"),
        f"Size of dL/dh_t against its size at the loss, in powers of ten: {ends}.",
        {"t": t.tolist(), **{f"{name} log10 of the ratio": z.tolist() for name, z in rows.items()}},
    )


def row_names(cell: str, profiles: Sequence[Profile]) -> list[str]:
    """Each row's label: the cell, the layer if there are several, and the direction if there are two."""
    reverse = [len(p.lag) > 1 and p.lag[0] < p.lag[-1] for p in profiles]
    if not any(reverse):
        return [cell_name(cell) if len(profiles) == 1 else f"{cell_name(cell)} {k + 1}" for k in range(len(profiles))]
    return [f"{cell_name(cell)} {k // 2 + 1} {'←' if back else '→'}" for k, back in enumerate(reverse)]


def against_the_loss(p: Profile, top: Profile) -> np.ndarray:
    """log₁₀ of the median ‖dL/dh_t‖ ÷ the top layer's at T, or at t = 1 if that is not finite."""
    ends = [value for value in (top.median[-1], top.median[0]) if np.isfinite(value)]
    return (p.median - (ends[0] if ends else 0.0)) / LN_10


def headline(rows: Mapping[str, np.ndarray], has_losses: bool) -> str:
    """The title: where the wave ends.

    Args:
        rows: name → log₁₀ of the sizes.
        has_losses: whether there are losses at several timesteps.
    """
    ends = [f"{left(float(z[0]))} ({name})" for name, z in rows.items()]
    if all(np.isneginf(z[0]) for z in rows.values()):
        return "No gradient reaches the first timestep"
    what = "What all losses leave" if has_losses else "What is left"
    return f"{what} at the first timestep: {', '.join(ends[:4])}" + (", …" if len(ends) > 4 else "")


def has_several_losses(p: Profile) -> bool:
    """Whether several timesteps' losses reach the layer without passing through others."""
    return int(np.count_nonzero(np.isfinite(p.direct))) > 1


def left(log10: float) -> str:
    """The rest of the gradient in words, or that it has diverged."""
    return power_of_ten(log10) if np.isfinite(log10) or np.isneginf(log10) else "diverged"

"""The gradient over training: a map of its size over optimiser step and timestep."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from analysis.figures.edges import add_special_cells, is_behind_the_end
from analysis.figures.picture import Picture
from analysis.figures.theme import DIVERGING, FEW_STEPS, figure, on_screen, thinning_note
from analysis.numbers import LN_10
from analysis.wording import power_of_ten

REACHES = (1, 2, 3, 6, 12, 25, 50)
"""Decades on both sides of 1 that a colour scale may have: a scale that grows with every step could not be compared.

What lies beyond the last ones has their colour. On a scale of a thousand decades, all that trains would be white.
"""


def common_reach(log_norms: Sequence[Float[ndarray, "_ _"]]) -> float:
    """Decades of one colour scale for several heatmaps, each around its usual size at the last timestep."""
    most = 0.0
    for log_norm in log_norms:
        typical = log_norm / LN_10
        finite = typical[np.isfinite(typical)]
        most = max(most, float(np.abs(finite - _usual_at_the_loss(typical)).max(initial=0.0)))
    return next((float(reach) for reach in REACHES if reach >= most), float(REACHES[-1]))


def _usual_at_the_loss(log_size: Float[ndarray, "record time"]) -> float:
    """The usual size (log₁₀) at the last timestep, 0 where none is finite."""
    at_loss = log_size[:, -1][np.isfinite(log_size[:, -1])]
    return float(np.median(at_loss)) if at_loss.size else 0.0


def heatmap_picture(
    label: str, step: Int[ndarray, " record"], log_norm: Float[ndarray, "record time"], reach: float | None = None
) -> Picture:
    """‖dL/dh_t‖ over optimiser step and timestep, as a factor of its usual size at the last timestep.

    Args:
        label: of the run.
        step: the recorded optimiser steps.
        log_norm: ln‖dL/dh_t‖, nats.
        reach: decades on both sides of 1 that the colours of several maps show; None for a map alone, which takes those
            of `common_reach` for this one.
    """
    typical = log_norm / LN_10
    middle = _usual_at_the_loss(typical)
    relative = np.where(np.isfinite(typical), typical, np.nan) - middle
    shared = reach is not None
    reach = common_reach([log_norm]) if reach is None else reach
    drawn = on_screen(np.where(is_behind_the_end(typical), 0.0, typical).T)[0]
    values, time_step, record_step = on_screen(relative.T)
    T = typical.shape[1]
    made = figure(_title(label, step, log_norm), "optimiser step", "timestep t", 340)
    if 0 < len(step) <= FEW_STEPS:
        made.update_xaxes(tickvals=step.tolist())
    made.add_heatmap(
        z=values, x=step[::record_step], y=1 + time_step * np.arange(values.shape[0]), colorscale=DIVERGING,
        zmid=0, zmin=-reach, zmax=reach, colorbar={"thickness": 12, **_factor_ticks(reach)},
        hovertemplate="step %{x}, t = %{y}: %{z:size} times the usual size at the loss<extra></extra>",
    )  # fmt: skip
    special = add_special_cells(made, drawn, made.data[0].x, made.data[0].y, words="step %{x}, t = %{y}")
    return Picture(
        "gradient-over-training",
        made,
        "Each column is one recorded step's profile. White (1) is the median size at the loss over all recorded steps; "
        "blue is smaller, red larger."
        + (" Maps beside each other share one colour scale." if shared else "")
        + "".join(f" {words.capitalize()}." for words in special)
        + thinning_note(time_step, record_step, "timestep", "recorded step"),
        f"{label}: size of dL/dh_t over {len(step)} recorded steps and {T} timesteps.",
        {"step": step.tolist(), **{f"t={t + 1}": typical[:, t].tolist() for t in range(T)}},
    )


def _title(label: str, step: Int[ndarray, " record"], log_norm: Float[ndarray, "record time"]) -> str:
    """What is left at the first timestep, at the first and the last recorded step, as the profiles' titles say it."""
    said = []
    for at, row in list(zip(step.tolist(), log_norm, strict=True))[:: max(1, len(step) - 1)]:
        own = row[~is_behind_the_end(row)]
        with np.errstate(invalid="ignore"):  # zero or infinite at both
            said.append(f"{power_of_ten((own[0] - own[-1]) / LN_10)} at step {at:,}")
    return f"{label}: gradient at t = 1 ÷ at the loss: {', then '.join(said) or 'no recorded step'}"


def _factor_ticks(reach: float) -> dict[str, object]:
    """Ticks of a colour scale of factors: 1 is marked as what is at the loss."""
    half = [round(reach / 2)] if reach > 1 else []  # a whole power of ten
    at = [-reach, *(-value for value in half), 0.0, *half, reach]
    words = [power_of_ten(value).removeprefix("1×") if value else "1 = as at the loss" for value in at]
    if reach == REACHES[-1]:
        words[0], words[-1] = f"{words[0]} or less", f"{words[-1]} or more"
    return {"tickmode": "array", "tickvals": at, "ticktext": words}

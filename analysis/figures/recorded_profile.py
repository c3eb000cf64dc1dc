"""The gradient profile of one recorded step of a training."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from analysis.course import course, describe_course
from analysis.figures.decades import decades_axis
from analysis.figures.picture import Picture
from analysis.figures.theme import LEGEND_BELOW, LN_10, cell_colour, cell_name, figure, translucent

Quantiles = Float[ndarray, "quantile time"]
"""10 %, 50 % and 90 % quantiles of ln‖dL/dh_t‖ over the batch."""


def recorded_profile_picture(cell: str, quantiles: Quantiles, every: int, reach: tuple[float, float]) -> Picture:
    """log₁₀‖dL/dh_t‖ over t, the median and the middle 80 % of the batch, as three traces: see `drawn`.

    Args:
        cell: the network's.
        quantiles: in nats; −inf where a gradient is exactly zero.
        every: draws every so many timesteps.
        reach: smallest and largest nats of all the steps that this one is compared with: the axis stays.
    """
    T, name, colour = quantiles.shape[1], cell_name(cell), cell_colour(cell)
    low, median, high = quantiles / LN_10
    # no number of this step in the title: the traces may be replaced by another step's while it stays
    made = figure(f"{name}: the gradient at this step", "timestep t", "size of dL/dh_t", 320)
    made.update_layout(legend=LEGEND_BELOW, margin_t=48)
    margin = 0.04 * (reach[1] - reach[0]) or LN_10
    shown = [(reach[0] - margin) / LN_10, (reach[1] + margin) / LN_10]
    made.update_yaxes(**{**decades_axis([np.array(shown)]), "range": shown})
    styles: tuple[tuple[str, dict[str, object]], ...] = (
        ("largest 10 %", {"line": {"width": 0}, "showlegend": False, "hoverinfo": "skip"}),
        ("middle 80 % of the batch", {
            "line": {"width": 0}, "fill": "tonexty", "fillcolor": translucent(colour, 0.18), "hoverinfo": "skip"}),
        ("median", {"line": {"color": colour, "width": 2.5},
                    "hovertemplate": "t = %{x}: 10<sup>%{y:.2f}</sup><extra></extra>"}),
    )  # fmt: skip
    t = np.arange(1, T + 1)[::every]
    for (label, style), y in zip(styles, drawn(quantiles, every), strict=True):
        made.add_scatter(x=t, y=y, mode="lines+markers" if len(t) < 3 else "lines", name=label, **style)
    return Picture(
        f"{cell}-recorded-profile",
        made,
        "The size of the total gradient at each timestep, as this training step saw it; the scale is all steps'.",
        f"Gradient profile: the gradient {describe_course(course(LN_10 * median[::-1]))}.",
        {"t": list(range(1, T + 1)), "log_norm low": (low * LN_10).tolist(), "log_norm median":
            (median * LN_10).tolist(), "log_norm high": (high * LN_10).tolist()},
    )  # fmt: skip


def drawn(quantiles: Float[ndarray, "*step quantile time"], every: int) -> Float[ndarray, "*step trace point"]:
    """The y values of the picture's traces, in their order: log₁₀, float32, NaN where nothing can be drawn."""
    values = quantiles[..., ::-1, ::every]  # high, median, low
    values = values[..., [0, 2, 1], :] / LN_10
    return np.where(np.isfinite(values), values, np.nan).astype(np.float32)

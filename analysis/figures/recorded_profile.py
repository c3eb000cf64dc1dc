"""The gradient profile of one recorded step of a training."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from analysis.course import course, describe_course
from analysis.figures.decades import decades_axis
from analysis.figures.edges import is_behind_the_end
from analysis.figures.picture import Picture
from analysis.figures.theme import LEGEND_BELOW, LN_10, cell_colour, cell_name, figure, translucent

Quantiles = Float[ndarray, "quantile time"]
"""10 %, 50 % and 90 % quantiles of ln‖dL/dh_t‖ over the batch."""


def recorded_profile_picture(cell: str, quantiles: Quantiles, every: int, reach: tuple[float, float]) -> Picture:
    """log₁₀‖dL/dh_t‖ over t, the median, the middle 80 % of the batch, and what is no number: see `drawn`.

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
    shown = axis_ends(reach)
    made.update_yaxes(**{**decades_axis([np.array(shown)]), "range": shown})
    mark = {"mode": "markers", "showlegend": False, "cliponaxis": False}
    styles: tuple[tuple[str, dict[str, object]], ...] = (
        ("largest 10 %", {"line": {"width": 0}, "showlegend": False, "hoverinfo": "skip"}),
        ("middle 80 % of the batch", {
            "line": {"width": 0}, "fill": "tonexty", "fillcolor": translucent(colour, 0.18), "hoverinfo": "skip"}),
        ("median", {"line": {"color": colour, "width": 2.5},
                    "hovertemplate": "t = %{x}: 10<sup>%{y:.2f}</sup><extra></extra>"}),
        ("exactly zero", {**mark, "marker": {"symbol": "triangle-down", "color": colour, "size": 8},
                          "hovertemplate": "t = %{x}: exactly zero<extra></extra>"}),
        ("not a number", {**mark, "marker": {"symbol": "x", "color": colour, "size": 8},
                          "hovertemplate": "t = %{x}: not a number, or infinite<extra></extra>"}),
    )  # fmt: skip
    t = np.arange(1, T + 1)[::every]
    for (label, style), y in zip(styles, drawn(quantiles, every, reach), strict=True):
        line = {"mode": "lines+markers" if len(t) < 3 else "lines"}
        made.add_scatter(x=t, y=y, name=label, **{**line, **style})
    return Picture(
        f"{cell}-recorded-profile",
        made,
        "The size of the total gradient at each timestep, as this training step saw it; the scale is all steps'. "
        "A triangle at the lower edge is exactly zero, a cross at the upper one is not a number.",
        f"Gradient profile: the gradient {describe_course(course(LN_10 * median[::-1]))}.",
        {"t": list(range(1, T + 1)), "log_norm low": (low * LN_10).tolist(), "log_norm median":
            (median * LN_10).tolist(), "log_norm high": (high * LN_10).tolist()},
    )  # fmt: skip


def axis_ends(reach: tuple[float, float]) -> tuple[float, float]:
    """From where to where the vertical axis goes (log₁₀), a little beyond the smallest and the largest nats."""
    margin = 0.04 * (reach[1] - reach[0]) or LN_10
    return (reach[0] - margin) / LN_10, (reach[1] + margin) / LN_10


def drawn(
    quantiles: Float[ndarray, "*step quantile time"], every: int, reach: tuple[float, float]
) -> Float[ndarray, "*step trace point"]:
    """The y values of the picture's traces, in their order: log₁₀, float32, NaN where nothing is drawn.

    The last two are marks at the axis's ends: where the median is exactly zero, and where it is not a number.
    """
    low, median, high = np.moveaxis(quantiles, -2, 0)
    bottom, top = axis_ends(reach)
    lost = (np.isnan(median) & ~is_behind_the_end(median)) | np.isposinf(median)
    marks = np.where(np.isneginf(median), bottom, np.nan), np.where(lost, top, np.nan)
    lines = (np.where(np.isfinite(values), values, np.nan) / LN_10 for values in (high, low, median))
    return np.stack([*lines, *marks], axis=-2)[..., ::every].astype(np.float32)

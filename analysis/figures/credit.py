"""The credit matrix as a heatmap: which past state gets credit for which loss."""

import numpy as np
from jaxtyping import Bool
from numpy import ndarray

from analysis.credit import Credit
from analysis.figures.decades import POWERS_OF_TEN
from analysis.figures.edges import add_special_cells
from analysis.figures.hatch import NO_PATH, hatch
from analysis.figures.picture import Picture
from analysis.figures.theme import (
    BAR_BELOW,
    DIVERGING,
    NEUTRAL,
    cell_name,
    figure,
    on_screen,
    the_cell,
    thinning_note,
    translucent,
)
from analysis.numbers import LN_10, log_quantile
from analysis.wording import power_of_ten

DECADES = 8.0
"""Half-width of the colour scale: what has lost 10⁻⁸ is as blue as what has lost more."""


def credit_picture(cell: str, credit: Credit, source: Credit | None = None) -> Picture:
    """log₁₀ of ‖∂L_t/∂h_k‖ ÷ ‖∂L_t/∂h_t‖ (median over the batch) over state time k and loss time t.

    Args:
        cell: of the network.
        credit: of the stack that the outputs are read from.
        source: of an encoder before it and the same losses: its states stand first on the axis of state times.
    """
    typical = log_quantile(credit.log_norm, 0.5)
    T = len(typical)
    S = 0 if source is None else source.log_norm.shape[1]
    with np.errstate(invalid="ignore"):
        at_once = np.diagonal(typical)[:, None]
        typical = typical if source is None else np.hstack([log_quantile(source.log_norm, 0.5), typical])
        relative = (typical - at_once) / LN_10
    values, row_step, column_step = on_screen(relative)
    furthest = float(relative[0, -1] if credit.reverse else relative[-1, 0])
    kept = "not a number" if np.isnan(furthest) else power_of_ten(furthest)
    loss, end = ("first", f"t\u00a0=\u00a0{T}") if credit.reverse else ("last", "t\u00a0=\u00a01")
    made = figure(
        f"{cell_name(cell)}: {kept} of the {loss} loss's gradient reaches {end}",
        "state time k" + (": source, then target" if S else ""),
        "loss time t",
        400,
    )
    made.update_layout(margin_t=48, margin_b=88, plot_bgcolor=translucent(NEUTRAL, 0.4))  # white means that all is kept
    made.add_heatmap(
        z=np.where(np.isfinite(values), values, np.nan),
        x=1 + column_step * np.arange(values.shape[1]), y=1 + row_step * np.arange(values.shape[0]),
        colorscale=DIVERGING, zmin=-DECADES, zmax=DECADES,
        colorbar={**BAR_BELOW, **POWERS_OF_TEN, "dtick": 4},
        hovertemplate="loss at %{y}, state at %{x}: %{z:size} of its size<extra></extra>",
    )  # fmt: skip
    unreached = missing_paths(credit) if source is None else np.hstack([missing_paths(source), missing_paths(credit)])
    defined = (comes_before(T, S, credit.reverse) & ~unreached)[::row_step, ::column_step]
    special = add_special_cells(
        made, np.where(defined, values, 0.0), 1 + column_step * np.arange(values.shape[1]),
        1 + row_step * np.arange(values.shape[0]), words="loss at %{y}, state at %{x}",
    )  # fmt: skip
    made.update_yaxes(autorange="reversed")
    hatched = hatch(made, np.arange(1, S + T + 1), [*(unreached & comes_before(T, S, credit.reverse))], cells=True)
    why = f" {NO_PATH} {credit.why_no_path}".rstrip() if hatched else ""
    if S:
        made.add_vline(x=S + 0.5, line={"color": NEUTRAL, "width": 2})
    rows, columns = np.tril_indices(T, S, S + T)
    note = " " + credit.reason if credit.reason else ""
    return Picture(
        f"{cell}-credit",
        made,
        f"Row t shows the loss at t: the gradient that it sends to each earlier h_k of {the_cell(cell)}, relative to "
        "the gradient at h_t (median over the batch). Blue: vanished. White: kept. Red: exploded. Grey: later states."
        + "".join(f" {words.capitalize()}." for words in special)
        + why
        + thinning_note(row_step, column_step, "loss time", "state time")
        + note,
        f"Credit matrix of {the_cell(cell)} over {T} timesteps: {kept} of the {loss} loss's gradient reaches {end}.",
        {
            "loss_time": (rows + 1).tolist(),
            "state_time": (columns + 1).tolist(),
            "log_norm": typical[rows, columns].tolist(),
        },
    )


def comes_before(losses: int, source: int, reverse: bool) -> Bool[ndarray, "loss_time state_time"]:
    """Whether h_k is read at L_t or before it; all states of a source are. Of later states nothing is drawn."""
    later = np.tri(losses, dtype=bool)
    return np.hstack([np.ones((losses, source), bool), later.T if reverse else later])


def missing_paths(credit: Credit) -> Bool[ndarray, "loss_time state_time"]:
    """Where no path is known to lead from h_k to L_t."""
    return np.zeros(credit.log_norm.shape[:2], bool) if credit.no_path is None else credit.no_path

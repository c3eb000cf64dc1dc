"""The routes of the gradient: an LSTM's direct path beside the full gradient, and the share of each gate."""

import numpy as np
import plotly.graph_objects as go

from analysis.figures.decades import decades_axis
from analysis.figures.edges import add_edge_marks
from analysis.figures.picture import Picture
from analysis.figures.stacked import stacked
from analysis.figures.theme import LEGEND_RIGHT, NEUTRAL, OTHER_COLOURS, cell_colour, cell_name, grid
from analysis.numbers import LN_10, log_quantile
from analysis.paths import Paths
from analysis.wording import power_of_ten, significant
from models.cells.registry import CELLS

PURPLE, SKY, AMBER, YELLOW = OTHER_COLOURS
PART_COLOURS = {"entry": SKY, "keep": PURPLE, "candidate": AMBER, "exit": YELLOW}
"""Gates with the same part have the same colour; no cell has one of these colours."""

WORDS = {"loss": "the loss at t", "state": "kept state"}


def paths_picture(cell: str, p: Paths) -> Picture:
    """Left: the full gradient, and its part through the kept state alone. Right: each route's share of the gradient."""
    T = len(p.total_log_norm)
    t = np.arange(1, T + 1)
    keep, target = p.keep_words, "dL/dc_t" if p.target == "cell_state" else "dL/dh_t"
    full, alone = log_quantile(p.total_log_norm, 0.5), log_quantile(p.direct_path_log_norm, 0.5)
    share = {name: np.nanmedian(np.where(np.isfinite(s), s, np.nan), axis=1) for name, s in p.share.items()}
    gap = float(full[0] - alone[0]) / LN_10 if np.isfinite(full[0]) and np.isfinite(alone[0]) else float("nan")
    title = f"{cell_name(cell)}: at t = 1, the path Π{keep} alone is {power_of_ten(-gap)} of the full gradient"
    titles = [f"size of {target}", "share of it by route"]
    made = grid(title, 360, 1, 2, horizontal_spacing=0.11, subplot_titles=titles)
    made.update_layout(margin_t=84, legend=LEGEND_RIGHT)
    gates = {name: PART_COLOURS[gate.part] for name, gate in CELLS[cell].words.gates.items()}
    colours = {"loss": NEUTRAL, "state": cell_colour(cell), **gates}
    for values, name, dash in ((full, f"full {target}", "solid"), (alone, f"path Π{keep} alone", "dash")):
        made.add_trace(
            go.Scatter(x=t, y=np.where(np.isfinite(values), values, np.nan) / LN_10, name=name,
                       line={"color": cell_colour(cell), "dash": dash},
                       hovertemplate=f"{name}, t = %{{x}}: %{{y:size}}<extra></extra>"),
            row=1, col=1,
        )  # fmt: skip
        add_edge_marks(made, t, values, name, cell_colour(cell), row=1, col=1)
    for name, values in share.items():
        made.add_trace(
            go.Scatter(x=t, y=100 * values, name=WORDS.get(name, f"gate {name}"),
                       line={"color": colours.get(name), "dash": "dot" if name == "state" else "solid"},
                       hovertemplate=f"{name}, t = %{{x}}: %{{y:.1f}} %<extra></extra>"),
            row=1, col=2,
        )  # fmt: skip
    made.update_xaxes(title_text="timestep t")
    made.update_yaxes(row=1, col=1, **decades_axis([full / LN_10, alone / LN_10]))
    made.update_yaxes(ticksuffix=" %", row=1, col=2)
    means = {name: float(np.nanmean(values)) for name, values in share.items() if np.isfinite(values).any()}
    note = f" {p.reason}" if p.reason else ""
    picture = Picture(
        f"{cell}-paths",
        made,
        f"First: the full {target}, and its part through the kept state alone (the product of {keep}). Second: the "
        f"share of each route in one step; a route below zero works against the others.{note}",
        f"Paths of the {cell_name(cell)}. Mean shares: {', '.join(f'{n} {significant(m)}' for n, m in means.items())}.",
        {
            "t": t.tolist(),
            "log_norm full": full.tolist(),
            "log_norm direct path": alone.tolist(),
            **{f"share {name}": values.tolist() for name, values in share.items()},
        },
        WHY,
    )
    return stacked(picture)


WHY = r"""
"Uninterrupted gradient flow" is half the story. The path from $c_{t+1}$ to $c_t$ by the forget gate alone multiplies
by $f_{t+1}$, and a product of numbers below 1 still vanishes. The full derivative adds the ways through $h_t$ into
every gate at the next step. Shares are $\langle \text{route}, \text{total}\rangle / \lVert \text{total}\rVert^2$, so
they sum to 1.
"""

"""Lyapunov exponents, and the singular values of a Jacobian product beside those of W."""

from collections.abc import Mapping

import numpy as np

from analysis.figures.edges import add_edge_marks
from analysis.figures.picture import Picture
from analysis.figures.theme import LEGEND_RIGHT, NEUTRAL, cell_colour, cell_name, figure, translucent
from analysis.lyapunov import Lyapunov
from analysis.product import ProductSpectrum
from analysis.wording import rate, significant


def lyapunov_picture(exponents: Mapping[str, Lyapunov], products: Mapping[str, ProductSpectrum]) -> Picture:
    """Exponents with their errors (points), and ln σ_i / steps of the product of all Jacobians (lines), by rank."""
    top = {c: float(e.exponents[0]) for c, e in exponents.items() if e.exponents.size and np.isfinite(e.exponents[0])}
    title = "Largest Lyapunov exponent: " + ", ".join(f"{cell_name(c)} {significant(v)}" for c, v in top.items())
    made = figure(title if top else "No Lyapunov exponent", "rank", "nats per step", 360)
    columns: dict[str, list[object]] = {"cell": [], "rank": [], "exponent": [], "standard_error": [], "product": []}
    for cell, e in exponents.items():
        colour, name = cell_colour(cell), cell_name(cell)
        rank = np.arange(1, len(e.exponents) + 1)
        product = products.get(cell)
        rates = None
        if product is not None and product.reason is None:
            rates = product.log_singular_values / product.steps
            made.add_scatter(
                x=np.arange(1, len(rates) + 1), y=np.where(np.isfinite(rates), rates, np.nan), mode="lines",
                line={"color": translucent(colour, 0.55), "width": 3},
                name=f"{name}: ln(singular value of<br>{product.steps} steps) ÷ {product.steps}",
                hovertemplate=f"{name}, rank %{{x}}: ln σ / steps %{{y:number}}<extra></extra>",
            )  # fmt: skip
        made.add_scatter(
            x=rank, y=np.where(np.isfinite(e.exponents), e.exponents, np.nan), mode="markers", name=f"{name}: exponent",
            marker={"color": colour, "size": 5},
            error_y={"type": "data", "array": np.nan_to_num(e.standard_error), "color": translucent(colour, 0.5)},
            hovertemplate=f"{name}, rank %{{x}}: %{{y:number}} nats per step<extra></extra>",
        )  # fmt: skip
        add_edge_marks(made, rank, e.exponents, f"{name}: exponent", colour, along="rank", logs=False)
        columns["cell"] += [cell] * len(rank)
        columns["rank"] += rank.tolist()
        columns["exponent"] += e.exponents.tolist()
        columns["standard_error"] += e.standard_error.tolist()
        columns["product"] += [None] * len(rank) if rates is None else rates[: len(rank)].tolist()
    made.update_layout(legend=LEGEND_RIGHT)
    made.add_hline(y=0, line={"color": NEUTRAL, "dash": "dot"})
    rate_words = [
        f"{cell_name(c)}: {rate(v)} ± {significant(float(exponents[c].standard_error[0]))}" for c, v in top.items()
    ]
    reasons = [f"{cell_name(c)}: {e.reason}" for c, e in exponents.items() if e.reason]
    reasons += [f"{cell_name(c)}, product: {p.reason}" for c, p in products.items() if p.reason]
    return Picture(
        "lyapunov",
        made,
        "How fast small changes of the whole state grow, the fastest direction first. Below 0 they fade, and so do "
        "gradients; above 0 the network is chaotic." + (" " + " ".join(reasons) if reasons else ""),
        "Lyapunov exponents. " + "; ".join([*rate_words, *reasons]) + ".",
        columns,
        WHY,
    )


WHY = r"""
$\lambda_i = \lim_{n\to\infty} \tfrac1n \ln \sigma_i(J_n \cdots J_1)$, with $J_t = \partial s_t / \partial s_{t-1}$ of
the whole state: $h$, or $(h, c)$ for an LSTM. Points come from QR steps along the sequence that is shown (Benettin et
al. 1980), with the error of their mean; lines are the exact singular values of the one product over all its steps.
They meet as sequences get longer.
"""

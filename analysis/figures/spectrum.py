"""Singular values and eigenvalues of the recurrent matrices, all cells in one chart."""

from collections.abc import Iterator, Mapping

import numpy as np

from analysis.figures.picture import Picture
from analysis.figures.theme import LEGEND_RIGHT, NEUTRAL, cell_colour, cell_name, sketch
from analysis.spectrum import Spectrum
from analysis.wording import percent, significant
from models.cells.registry import CELLS

DASHES = ("solid", "dash", "dot", "dashdot")
SYMBOLS = ("circle", "square", "diamond", "cross")

Spectra = Mapping[str, Mapping[str, Spectrum]]
"""Cell → block → its spectrum."""


def singular_values_picture(spectra: Spectra) -> Picture:
    """Every block's singular values, largest first."""
    largest = {cell: max(s.spectral_norm for s in blocks.values()) for cell, blocks in spectra.items()}
    title = "Largest singular value: " + ", ".join(f"{cell_name(c)} {significant(v)}" for c, v in largest.items())
    made = sketch(title, "rank", "singular value", 340)
    for cell, block, dash, spectrum in each(spectra, DASHES):
        n = len(spectrum.singular_values)
        made.add_scatter(
            x=np.arange(1, n + 1), y=spectrum.singular_values, name=label(cell, block),
            mode="lines+markers" if n < 3 else "lines", line={"color": cell_colour(cell), "dash": dash},
            hovertemplate=f"{label(cell, block)}, rank %{{x}}: %{{y:number}}<extra></extra>",
        )  # fmt: skip
    made.add_hline(y=1, line={"color": NEUTRAL, "dash": "dot"})
    made.update_yaxes(rangemode="tozero")
    made.update_layout(legend=LEGEND_RIGHT)
    return Picture(
        "singular-values",
        made,
        "The factors by which each recurrent matrix stretches its own directions, sorted; a flat line at 1 is an "
        "orthogonal matrix, which keeps every length." + not_drawn(spectra),
        "Singular values of the recurrent matrices. "
        + "; ".join(describe(c, b, s) for c, b, _, s in each(spectra))
        + ".",
        columns(spectra),
        WHY,
    )


WHY = r"""
The **largest singular value** $\lVert W\rVert$ bounds one step: $\lVert W v\rVert \le \lVert W\rVert\,\lVert v\rVert$.
The **spectral radius** (largest $|\lambda|$) rules many steps: $\lVert W^k\rVert^{1/k} \to \rho(W)$. They are equal
only for a normal matrix. With $\gamma$, the steepest slope of the nonlinearity, a norm below $1/\gamma$ is *sufficient*
for the gradient to vanish; a norm above it is only *necessary* for it to explode. The departure from normality
$\sqrt{\lVert W\rVert_F^2 - \sum|\lambda|^2}\,/\,\lVert W\rVert_F$ says how far apart the two can be.
"""


def eigenvalues_picture(spectra: Spectra) -> Picture:
    """Every block's eigenvalues in the complex plane, with the unit circle."""
    radius = {cell: max(s.spectral_radius for s in blocks.values()) for cell, blocks in spectra.items()}
    title = "Spectral radius: " + ", ".join(f"{cell_name(c)} {significant(v)}" for c, v in radius.items())
    made = sketch(title, "real part", "imaginary part", 340)
    angle = np.linspace(0, 2 * np.pi, 181)
    made.add_scatter(
        x=np.cos(angle), y=np.sin(angle), mode="lines", line={"color": NEUTRAL, "dash": "dot"},
        name="unit circle", hoverinfo="skip",
    )  # fmt: skip
    for cell, block, symbol, spectrum in each(spectra, SYMBOLS):
        made.add_scatter(
            x=spectrum.eigenvalues.real, y=spectrum.eigenvalues.imag, mode="markers", name=label(cell, block),
            marker={"color": cell_colour(cell), "symbol": symbol, "size": 5, "opacity": 0.75},
            hovertemplate=f"{label(cell, block)}: %{{x:number}} + %{{y:number}} i<extra></extra>",
        )  # fmt: skip
    made.update_yaxes(scaleanchor="x", scaleratio=1)
    made.update_layout(legend=LEGEND_RIGHT)
    inside = {
        cell: float(np.mean(np.concatenate([np.abs(s.eigenvalues) < 1 for s in blocks.values()])))
        for cell, blocks in spectra.items()
    }
    return Picture(
        "eigenvalues",
        made,
        "Eigenvalues of each recurrent matrix. If the matrix is applied again and again, directions inside the dotted "
        "circle shrink, and directions outside grow." + not_drawn(spectra),
        "Eigenvalues in the complex plane. "
        + "; ".join(
            f"{cell_name(c)}: radius {significant(radius[c])}, {percent(inside[c])} inside the unit circle"
            for c in radius
        )
        + ".",
        eigenvalue_columns(spectra),
    )


def each(spectra: Spectra, styles: tuple[str, ...] = DASHES) -> Iterator[tuple[str, str, str, Spectrum]]:
    """Yield (cell, block, style, spectrum) for every finite block."""
    for cell, blocks in spectra.items():
        for k, (block, spectrum) in enumerate(blocks.items()):
            if spectrum.finite:
                yield cell, block, styles[k % len(styles)], spectrum


def not_drawn(spectra: Spectra) -> str:
    """Which matrices have entries of NaN or Inf, in a sentence; empty if none has."""
    lost = [label(c, b) for c, blocks in spectra.items() for b, s in blocks.items() if not s.finite]
    return f" Not drawn, since it holds Inf or NaN: {', '.join(lost)}." if lost else ""


def label(cell: str, block: str) -> str:
    """`Elman`, or `LSTM f`."""
    return cell_name(cell) if len(CELLS[cell].recurrent_blocks) == 1 else f"{cell_name(cell)} {block}"


def describe(cell: str, block: str, s: Spectrum) -> str:
    """One block in words."""
    return (
        f"{label(cell, block)}: largest singular value {significant(s.spectral_norm)}, "
        f"spectral radius {significant(s.spectral_radius)}, "
        f"departure from normality {significant(s.departure_from_normality)}"
    )


def columns(spectra: Spectra) -> dict[str, list[object]]:
    """Singular values, one column per block."""
    named: dict[str, list[object]] = {label(c, b): s.singular_values.tolist() for c, b, _, s in each(spectra)}
    ranks = max((len(v) for v in named.values()), default=0)
    return {"rank": list(range(1, ranks + 1)), **named}


def eigenvalue_columns(spectra: Spectra) -> dict[str, list[object]]:
    """Eigenvalues, one row each."""
    rows = [(label(c, b), v.real, v.imag) for c, b, _, s in each(spectra) for v in s.eigenvalues.tolist()]
    names, real, imaginary = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])
    return {"matrix": names, "real": real, "imaginary": imaginary}

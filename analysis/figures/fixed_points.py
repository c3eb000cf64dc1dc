"""Fixed and slow points: the eigenvalues of the step there, in the complex plane."""

from collections.abc import Mapping

import numpy as np

from analysis.figures.picture import Picture
from analysis.figures.theme import LEGEND_RIGHT, NEUTRAL, cell_colour, cell_name, figure
from analysis.fixed_points import FixedPoints
from analysis.wording import counted, significant

MOST = 8
"""Points of a cell that are drawn, those that most searches led to; the table has all."""


def fixed_points_picture(points: Mapping[str, FixedPoints]) -> Picture:
    """Each point's eigenvalues; one marker's shape per kind of point: stable, unstable, slow."""
    title = "; ".join(f"{cell_name(cell)}: {in_words(p)}" for cell, p in points.items())
    made = figure(title[:1].upper() + title[1:], "real part", "imaginary part", 340)
    angle = np.linspace(0, 2 * np.pi, 181)
    made.add_scatter(
        x=np.cos(angle), y=np.sin(angle), mode="lines", line={"color": NEUTRAL, "dash": "dot"},
        name="unit circle", hoverinfo="skip",
    )  # fmt: skip
    columns: dict[str, list[object]] = {
        name: [] for name in ("cell", "point", "kind", "speed", "starts", "rank", "real", "imaginary", "modulus")
    }
    for cell, p in points.items():
        kinds = [kind(p, k) for k in range(len(p.speed))]
        for named in dict.fromkeys(kinds):
            drawn = [k for k in range(min(MOST, len(kinds))) if kinds[k] == named]
            values = np.concatenate([p.eigenvalues[k] for k in drawn]) if drawn else np.zeros(0, complex)
            made.add_scatter(
                x=values.real, y=values.imag, mode="markers", name=f"{cell_name(cell)}: {named}",
                marker={"color": cell_colour(cell), "symbol": SYMBOLS[named], "size": 7, "opacity": 0.75},
                text=[f"point {k + 1}" for k in drawn for _ in p.eigenvalues[k]],
                hovertemplate=f"{cell_name(cell)}, %{{text}}, {named}: %{{x:number}} + %{{y:number}} i<extra></extra>",
            )  # fmt: skip
        for k, of_kind in enumerate(kinds):
            for rank, value in enumerate(p.eigenvalues[k], start=1):
                row = (cell, k + 1, of_kind, float(p.speed[k]), int(p.found[k]), rank)
                for name, entry in zip(columns, (*row, value.real, value.imag, abs(value)), strict=True):
                    columns[name].append(entry)
    made.update_yaxes(scaleanchor="x", scaleratio=1)
    made.update_layout(legend=LEGEND_RIGHT)
    reasons = " ".join(f"{cell_name(cell)}: {p.reason}" for cell, p in points.items() if p.reason)
    return Picture(
        "fixed-points",
        made,
        "Eigenvalues of the step at the states where the network rests while its input is 0. Inside the dotted circle "
        "a small change of the state fades, outside it grows." + (f" {reasons}" if reasons else ""),
        "Eigenvalues at fixed and slow points. " + " ".join(described(cell, p) for cell, p in points.items()),
        columns,
        WHY,
    )


SYMBOLS = {"stable": "circle", "unstable": "x", "slow": "diamond-open"}


def kind(p: FixedPoints, k: int) -> str:
    """What a small change of the state does at a point."""
    return "slow" if not p.is_fixed[k] else "unstable" if p.unstable[k] else "stable"


def in_words(p: FixedPoints) -> str:
    """`3 fixed points, 2 of them stable`."""
    fixed, slow = int(p.is_fixed.sum()), int((~p.is_fixed).sum())
    stable = int((p.is_fixed & (p.unstable == 0)).sum())
    words = "no fixed point" if not fixed else counted(fixed, "fixed point")
    if fixed == 1:
        words += ", stable" if stable else ", unstable"
    elif fixed:
        words += f", {stable or 'none'} of them stable"
    return words + (f", {counted(slow, 'slow point')}" if slow else "")


def described(cell: str, p: FixedPoints) -> str:
    """A cell's points in a sentence."""
    if p.reason:
        return f"{cell_name(cell)}: {p.reason}"
    largest = significant(float(np.abs(p.eigenvalues).max()))
    return f"{cell_name(cell)}: {in_words(p)}; the largest |eigenvalue| is {largest}."


WHY = r"""
A fixed point $s$ has $F(s) = s$; at a slow point $q(s) = \tfrac12 \lVert F(s) - s \rVert^2$ has a minimum that is not
0, and the state drifts past it. They are searched for from states that the network has been in (Sussillo & Barak 2013).
A network that latches a bit has two stable points with an unstable one between them; one that counts has a line of
nearly fixed points, each with an eigenvalue near 1.
"""

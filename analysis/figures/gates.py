"""The gates in numbers: saturation, and the time constants of the kept state."""

from collections.abc import Mapping

import numpy as np

from analysis.figures.edges import add_edge_marks
from analysis.figures.lines import mode_of
from analysis.figures.picture import Picture
from analysis.figures.stacked import stacked
from analysis.figures.theme import LEGEND_RIGHT, NEUTRAL, cell_colour, cell_name, grid
from analysis.gates import GateStatistics
from analysis.wording import percent, significant

SHARES = {"below 0.1": "#00204d", "between": "#a59c74", "above 0.9": "#ffea46"}
"""Three colours of cividis, the gates' own scale."""


def saturation_picture(statistics: Mapping[str, GateStatistics]) -> Picture:
    """Bars: the share of shut, middle and open values of each gate. Right: each unit's time constant, sorted."""
    gated = {cell: s for cell, s in statistics.items() if s.gates}
    titles = ["share of values", "time constant of each unit"]
    made = grid(headline(gated), 340, 1, 2, horizontal_spacing=0.12, subplot_titles=titles)
    made.update_layout(barmode="stack", margin_t=84, legend=LEGEND_RIGHT)
    rows = [(f"{cell_name(cell)} {name}", g) for cell, s in gated.items() for name, g in s.gates.items()]
    labels = [label for label, _ in rows]
    parts: list[list[object]] = [
        [g.closed for _, g in rows],
        [1 - g.closed - g.open for _, g in rows],
        [g.open for _, g in rows],
    ]
    for (name, colour), values in zip(SHARES.items(), parts, strict=True):
        made.add_bar(
            x=100 * np.asarray(values), y=labels, orientation="h", name=name, row=1, col=1,
            marker={"color": colour, "line": {"width": 1, "color": NEUTRAL}},  # dark blue on the dark page
            hovertemplate=f"%{{y}}: %{{x:.1f}} % {name}<extra></extra>",
        )  # fmt: skip
    columns: dict[str, list[object]] = {"gate": list(labels), "mean": [g.mean for _, g in rows]}
    columns |= dict(zip(("below 0.1", "between", "above 0.9"), parts, strict=True))
    for cell, s in gated.items():
        if s.time_constants is not None:
            steps = np.sort(s.time_constants.of_unit)[::-1]
            made.add_scatter(
                x=np.arange(1, len(steps) + 1), y=np.where(np.isfinite(steps), steps, np.nan), row=1, col=2,
                name=f"{cell_name(cell)} {s.time_constants.gate}", line={"color": cell_colour(cell)},
                mode=mode_of(steps),
                hovertemplate=f"{cell_name(cell)}, rank %{{x}}: %{{y:number}} steps<extra></extra>",
            )  # fmt: skip
            name, rank = f"{cell_name(cell)} {s.time_constants.gate}", np.arange(1, len(steps) + 1)
            add_edge_marks(made, rank, steps, name, cell_colour(cell), along="rank", logs=False, row=1, col=2)
    made.update_xaxes(ticksuffix=" %", range=[0, 100], row=1, col=1)
    made.update_yaxes(autorange="reversed", row=1, col=1)
    made.update_xaxes(title_text="unit, sorted", row=1, col=2)
    made.update_yaxes(title_text="steps", rangemode="tozero", row=1, col=2)
    reasons = " ".join(s.reason for s in gated.values() if s.reason)
    picture = Picture(
        "gate-saturation",
        made,
        "Bars: the share of each gate's values that are shut, in between or open (for g and n: near −1 or 1). Lines: "
        f"the steps after which a unit's own state has faded to 37 %. {reasons}".rstrip(),
        "Saturation. " + "; ".join(f"{n}: {percent(g.closed)} shut, {percent(g.open)} open" for n, g in rows) + ".",
        columns,
        WHY,
    )
    return stacked(picture)


WHY = r"""
A saturated gate has almost no slope: $\sigma'(a) = \sigma(a)(1-\sigma(a))$ is below 36 % of its largest outside of
0.1 … 0.9, so that little gradient reaches the gate itself. That can be wanted: a forget gate at 0.99 keeps the state.
A gate that keeps $f$ of the state at every step has the time constant $\tau = -1/\ln f$: 1.4 steps at $f = 0.5$, 100
at $f = 0.99$.
"""


def headline(gated: Mapping[str, GateStatistics]) -> str:
    """The title: how long each cell keeps its state by its gate alone."""
    kept = [
        f"{cell_name(cell)} {significant(s.time_constants.overall)}"
        for cell, s in gated.items()
        if s.time_constants is not None
    ]
    return f"The gates alone keep a state for: {', '.join(kept)} steps" if kept else "No gate keeps the state"

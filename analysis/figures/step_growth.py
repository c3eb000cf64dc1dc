"""Growth over the steps back: each step at its worst, their product, and the gradient itself."""

from collections.abc import Mapping

import numpy as np

from analysis.figures.lags import LagLine, lag_picture
from analysis.figures.over_setting import SettingLine, setting_picture
from analysis.figures.picture import Picture
from analysis.figures.theme import NEUTRAL, cell_colour, cell_name, the_cell, translucent
from analysis.numbers import LN_10
from analysis.step_growth import StepGrowth
from analysis.wording import counted, power_of_ten, significant


def step_growth_picture(cell: str, growth: StepGrowth) -> Picture:
    """Over the steps back: every step at its worst, the norm of their product, and the gradient itself (log₁₀)."""
    colour, lag = cell_colour(cell), np.arange(len(growth.t), dtype=float)
    lines = [
        LagLine("each step at its worst", lag, growth.steps_apart, NEUTRAL, "dot"),
        LagLine("all steps together", lag, growth.product, translucent(colour, 0.6), "dash"),
        LagLine("this gradient", lag, growth.gradient, colour),
    ]
    apart, product, gradient = (power_of_ten(float(line.log[-1]) / LN_10) for line in lines)
    steps = f"{counted(len(growth.step), 'step')} back"
    title = f"{steps}: up to {product} could arrive, {gradient} does"
    if np.isnan([growth.product[-1], growth.gradient[-1]]).any() and growth.reason:
        title = growth.reason.rstrip(".")
    return lag_picture(
        f"{cell}-jacobian-product",
        f"{cell_name(cell)}, {title[0].lower()}{title[1:]}",
        lines,
        f"The size of a gradient after each number of steps back through {the_cell(cell)}. First line: the limit if "
        "all steps had the same worst direction. Second: the limit for the real steps. Third: the last state's "
        "gradient. All are of the batch's first sequence." + (f" {growth.reason}" if growth.reason else ""),
        f"{the_cell(cell)}, {steps}: each step at its worst {apart}, all steps together {product}, this gradient "
        f"{gradient}.",
        x_title="steps back from the last state",
        y_title="relative size",
        why=WHY,
    )


def step_norms_picture(growths: Mapping[str, StepGrowth]) -> Picture:
    """The largest singular value of each step's Jacobian over t, one line per cell."""
    lines = [
        SettingLine(cell_name(c), g.t[1:].astype(float), np.exp(g.step), cell_colour(c)) for c, g in growths.items()
    ]
    middle = {cell_name(c): significant(float(np.exp(np.median(g.step)))) for c, g in growths.items() if len(g.step)}
    norms = ", ".join(f"{name} {value}" for name, value in middle.items())
    return setting_picture(
        "jacobian-steps",
        f"A step can multiply a gradient by at most (median): {norms}" if middle else "No step leads back from t = 1",
        lines,
        "The largest singular value of the step Jacobian J = ∂s/∂s' that leads back into timestep t: above 1 some "
        "gradient could grow there, below 1 every gradient shrinks. It is that of the batch's first sequence.",
        f"Largest singular value of each step's Jacobian, median over time: {norms}.",
        x_title="timestep t",
        y_title="largest singular value of J",
        level=1.0,
    )


WHY = r"""
A gradient comes back as $dL/ds_t = J_{t+1}^\top \cdots J_T^\top \, dL/ds_T$, with $J_t = \partial s_t / \partial
s_{t-1}$ of the whole state: $h$, or $(h, c)$ for an LSTM. Therefore (Pascanu et al. 2013)

$$\lVert dL/ds_t \rVert \;\le\; \lVert J_T \cdots J_{t+1} \rVert \, \lVert dL/ds_T \rVert \;\le\; \lVert J_T
\rVert \cdots \lVert J_{t+1} \rVert \, \lVert dL/ds_T \rVert .$$

The three lines are these three numbers. Where the dotted one rises and the others fall, a largest singular value above
1 has not made the gradient explode: what one step stretches, the next one does not.
"""

"""Mean-field theory beside the measured rate."""

import math

import numpy as np

from analysis.figures.over_setting import SettingLine, setting_picture
from analysis.figures.picture import Picture
from analysis.figures.theme import NEUTRAL, cell_colour, translucent
from analysis.lyapunov import Lyapunov
from analysis.theory import MeanField, RateOverGain
from analysis.wording import rate, significant


def mean_field_picture(theory: MeanField, curve: RateOverGain, exponents: Lyapunov) -> Picture:
    """The rate ½ ln χ over the gain, the critical gain, and this network's largest exponent at its own gain."""
    colour = cell_colour("elman")
    measured = float(exponents.exponents[0]) if exponents.exponents.size else math.nan
    lines = [
        SettingLine("theory, a wide random network", curve.gain, curve.rate, translucent(colour, 0.6)),
        SettingLine("critical gain", np.array([curve.critical_gain]), np.zeros(1), NEUTRAL),
    ]
    if not math.isnan(measured):
        lines.append(SettingLine("this network, measured", np.array([theory.gain]), np.array([measured]), colour))
    side = "below" if theory.gain < curve.critical_gain else "above"
    rate_words = "nothing" if math.isnan(measured) else rate(measured)
    title = (
        f"Gain {significant(theory.gain)}, {side} the critical {significant(curve.critical_gain)}: "
        f"theory says {rate(theory.rate)}, measured is {rate_words}"
    )
    return setting_picture(
        "mean-field",
        title,
        lines,
        "The largest Lyapunov exponent of a wide random tanh network with inputs of this size, by mean-field theory, "
        "over the spread of its weights. Below the critical gain gradients vanish, above it they explode."
        + (f" {exponents.reason}" if exponents.reason else ""),
        f"{title}.",
        x_title="gain g (spread of the weights: g/√N)",
        y_title="nats per step",
        limits=(-2.0, 1.0),
        why=WHY,
    )


WHY = r"""
$h_t = \tanh(W h_{t-1} + \text{input})$ with independent Gaussian weights of standard deviation $g/\sqrt N$. As $N$
grows, a preactivation's variance settles at $q = g^2\, \mathrm{E} \tanh^2(\sqrt q z) + s^2$, with $s^2$ what the inputs
and biases add, and each step multiplies the mean square of a gradient by $\chi = g^2\, \mathrm{E} \tanh'^2(\sqrt q
z)$: a rate of $\tfrac12 \ln \chi$. It crosses 0 at the critical gain, which is 1 without inputs (Sompolinsky, Crisanti
& Sommers 1988) and larger with them, since they push units into saturation (Molgedey, Schuchhardt & Schuster 1992).

The theory takes inputs that are drawn afresh for every unit at every step. Where a few inputs are shared by all units,
where the matrix is orthogonal or the units are few, the measured point leaves the curve.
"""

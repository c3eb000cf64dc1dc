"""The latching unit of Bengio, Simard & Frasconi 1994, Fig. 2: how often its training converges."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from analysis.figures.over_setting import SettingLine, setting_picture
from analysis.figures.picture import Picture
from analysis.figures.sweep import sweep_picture
from analysis.figures.sweep_panel import Heatmap, Side
from analysis.figures.theme import NEUTRAL, OTHER_COLOURS
from analysis.simulations.trained_latch import train_latches
from experiments.recipes.expectation import Values

LENGTHS = (5, 10, 15, 20, 25, 30, 35, 40, 50, 60)
"""T in Fig. 2(b)."""
PRINTED = {5: 1.0, 10: 1.0, 15: 0.97, 20: 0.81, 25: 0.58, 30: 0.3, 35: 0.25, 40: 0.45, 45: 0.12, 50: 0.05, 60: 0.05}
"""Some bars of Fig. 2(b), read off; that at T = 40 stands out there among neighbours of .2."""
WEIGHT, NOISE, STEPS = 1.25, 0.2, 20
"""w at the beginning and s in Fig. 2(b); T in Fig. 2(a)."""
WEIGHTS, NOISES = np.linspace(0.5, 2.5, 9), np.linspace(0, 1, 11)
"""The axes of Fig. 2(a)."""
UPDATES = 600
CONVERGED = 0.9
"""Share of fresh sequences that must be right; nearly all units have more than this or half, which is a guess."""


def measure_latch_unit(seeds: int, quick: bool) -> tuple[Values, Sequence[Picture]]:
    """The share of units that keep the bit, over T and over start weight and noise, with a unit for each seed."""
    updates = 20 if quick else UPDATES
    values: dict[str, list[float]] = {}
    for steps in LENGTHS:
        units = train_latches(np.full(seeds, WEIGHT), np.full(seeds, NOISE), steps, updates, steps)
        holds = units.right >= CONVERGED
        values[f"T_{steps}.solved"] = holds.astype(float).tolist()
        values[f"T_{steps}.kept"] = units.log_kept[holds].tolist()
    shares = np.array([np.mean(values[f"T_{steps}.solved"]) for steps in LENGTHS])
    values["half"] = [half_length(np.array(LENGTHS, dtype=float), shares)]
    over_both = shares_of_both(seeds, updates)
    values["small_weight"] = [float(over_both[2, WEIGHTS <= 0.75].mean())]
    values["low_noise"] = [float(over_both[1, WEIGHTS >= 1.5].mean())]
    values["high_noise"] = [float(over_both[NOISES >= 0.6].mean())]
    return values, [length_picture(shares), both_picture(over_both, seeds)]


def half_length(lengths: Float[ndarray, " length"], shares: Float[ndarray, " length"]) -> float:
    """The T at which the share falls below one half for the first time, between two lengths by a line; NaN if never."""
    below = np.flatnonzero(shares < 0.5)
    if not len(below) or below[0] == 0:
        return float("nan")
    k = below[0]
    return float(np.interp(0.5, [shares[k], shares[k - 1]], [lengths[k], lengths[k - 1]]))


def shares_of_both(seeds: int, updates: int) -> Float[ndarray, "noise weight"]:
    """The share of units that keep the bit, over the noise and over w at the beginning."""
    noise, weight, _ = (
        axis.ravel() for axis in np.meshgrid(NOISES, WEIGHTS, np.arange(seeds, dtype=float), indexing="ij")
    )
    holds = train_latches(weight, noise, STEPS, updates).right >= CONVERGED
    return holds.reshape(len(NOISES), len(WEIGHTS), seeds).mean(-1)


def length_picture(shares: Float[ndarray, " length"]) -> Picture:
    """Fig. 2(b)."""
    lines = [
        SettingLine("here", np.array(LENGTHS, dtype=float), shares, OTHER_COLOURS[1]),
        SettingLine("Fig. 2(b), read off", np.array([*PRINTED], dtype=float), np.array([*PRINTED.values()]), NEUTRAL),
    ]
    words = "The longer the noise, the fewer units learn to keep the bit"
    sentence = (
        f"The share of units that keep the bit, over the sequence's length T; w begins at {WEIGHT:g}, and the noise's "
        f"standard deviation is {NOISE:g}. In the source's figure the bar at T = 40 stands out among its neighbours."
    )
    return setting_picture(
        "latch-unit-length", words, lines, sentence, f"{words}.", x_title="T, timesteps", y_title="share of units",
        limits=(0.0, 1.05),
    )  # fmt: skip


def both_picture(shares: Float[ndarray, "noise weight"], seeds: int) -> Picture:
    """Fig. 2(a)."""
    full, none = np.full(shares.shape, float(seeds)), np.zeros(shares.shape)
    panel = Heatmap("", shares, np.sqrt(shares * (1 - shares)), full, full, none, none)
    rows = Side("standard deviation of the noise", tuple(np.round(NOISES, 2).tolist()))
    columns = Side("w at the beginning", tuple(WEIGHTS.tolist()))
    sentence = (
        f"the share of units that keep the bit at T = {STEPS}. Fig. 2(a) has the same axes; white means often there"
    )
    return sweep_picture([panel], rows, columns, "Units that keep the bit", sentence)

"""The direct path of an LSTM at initialisation: dc_T/dc_0 = Π f_t, which falls by σ(forget bias) per step."""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from analysis.figures.over_setting import SettingLine, setting_picture
from analysis.figures.picture import Picture
from analysis.figures.theme import OTHER_COLOURS, cell_colour
from experiments.config.run_config import RunConfig
from experiments.recipes.expectation import Values
from experiments.training.build import build

LAGS = (20, 2321)
"""A report's lag, and a text's: which bias keeps half of the gradient over them?"""
HALF = math.log(0.5)


def half_bias(lag: int) -> float:
    """The bias b with σ(b)^lag = 1/2: b = −ln(2^(1/lag) − 1)."""
    return -math.log(math.expm1(-HALF / lag))


def measure_lstm_cec(seeds: int, quick: bool) -> tuple[Values, Sequence[Picture]]:
    """The product of the recorded forget gates of fresh networks over all lags."""
    long = 200 if quick else LAGS[1]
    lags = (LAGS[0], long)
    values: dict[str, list[float]] = {}
    lines: dict[str, Float[ndarray, " lag"]] = {}
    for seed in range(seeds):
        for name, bias, steps in (
            ("bias_0", 0.0, 200),
            ("bias_1", 1.0, 200),
            ("lag_20", half_bias(lags[0]), 200),
            ("lag_2321", half_bias(lags[1]), long),
        ):
            logs = log_products(bias, steps, seed)
            factor = float(np.exp(logs[-1] / steps))
            for key, value in {"factor": factor, "half_life": HALF / math.log(factor)}.items():
                values.setdefault(f"{name}.{key}", []).append(value)
            lines.setdefault(f"forget bias {bias:.3g}", logs)
        values.setdefault("lag_20.kept", []).append(kept(half_bias(lags[0]), lags[0], seed))
        values.setdefault("lag_2321.kept", []).append(kept(half_bias(lags[1]), lags[1], seed))
    return values, [path_picture(lines)]


def log_products(bias: float, steps: int, seed: int) -> Float[ndarray, " lag"]:
    """ln of Π f over lag 1 … T, the mean over sequences and units (nats)."""
    config = RunConfig(task="adding", cell="lstm", seq_len=steps, batch_size=4, forget_bias=bias, seed=seed)
    gates = build(config).record().gates["f"][0].double()
    per_step = gates.log().mean(dim=(1, 2)).flip(0)
    return per_step.cumsum(0).numpy()


def kept(bias: float, lag: int, seed: int) -> float:
    """The share of the gradient that the direct path keeps over this lag (geometric mean)."""
    return float(np.exp(log_products(bias, lag, seed)[-1]))


def path_picture(lines: dict[str, Float[ndarray, " lag"]]) -> Picture:
    """ln of the direct path's gradient over the lag."""
    colours = (OTHER_COLOURS[0], cell_colour("lstm"), OTHER_COLOURS[1], OTHER_COLOURS[2])
    drawn = [
        SettingLine(name, np.arange(1, min(len(logs), 200) + 1, dtype=float), logs[:200], colour)
        for (name, logs), colour in zip(lines.items(), colours, strict=False)
    ]
    words = "The forget bias decides how far the direct path reaches"
    sentence = "ln of ∂c_T/∂c_{T−lag} along the direct path, the product of the forget gates of a fresh LSTM, seed 0."
    return setting_picture(
        "lstm-cec", words, drawn, sentence, f"{words}.", x_title="lag, timesteps", y_title="nats", limits=(-60.0, 2.0)
    )

"""Influence balancing (Tallec & Ollivier 2017, §7): near influences are positive, the more numerous far ones negative.

    s_{t+1} = A s_t + θ (1, …, 1, −1, …, −1)ᵀ,   A_ii = A_{i,i+1} = ½,   loss ½ (s¹_t − 1)² in the second half

At rest s¹ = 2 θ (p − (n − p)), so that a larger θ lowers s¹. Who looks back a few steps only sees the p near units, for
which it is the other way round.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from analysis.figures.over_setting import SettingLine, setting_picture
from analysis.figures.picture import Picture
from analysis.figures.theme import OTHER_COLOURS, cell_colour
from experiments.recipes.expectation import Values
from models import SequenceModel, record

UNITS, NEAR = 23, 10
"""n, and p with a positive sign."""
SIGNS = torch.cat([torch.ones(NEAR), -torch.ones(UNITS - NEAR)]).double()
STEPS, UPDATES, RATE = 400, 40, 0.005
"""Timesteps of a pass, updates of θ, and the learning rate."""
WAYS: dict[str, tuple[int | None, str]] = {
    "full": (None, "blocks"),
    "blocks_10": (10, "blocks"),
    "blocks_100": (100, "blocks"),
    "blocks_200": (200, "blocks"),
    "window_10": (10, "window"),
}
"""Name → truncation, and its kind."""
LARGEST = 1e12
"""The error at which a descent has diverged."""


def network() -> SequenceModel:
    """The system as a linear Elman network, which reads nothing; θ is set later."""
    model = SequenceModel("elman", 1, UNITS, 1, dtype=torch.float64, nonlinearity="identity")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.recurrent.get_parameter("weight_hh_l0").copy_(
            0.5 * torch.eye(UNITS) + 0.5 * torch.diag(torch.ones(UNITS - 1), 1)
        )
        torch.nn.init.eye_(model.get_parameter("readout.weight"))
    return model


def slope(model: SequenceModel, theta: float, steps: int, truncate: int | None, kind: str) -> tuple[float, float]:
    """dL/dθ by (truncated) BPTT, and s¹ − 1 at the end."""
    with torch.no_grad():
        model.recurrent.get_parameter("bias_ih_l0").copy_(theta * SIGNS)

    def loss(outputs: Tensor) -> Tensor:
        return 0.5 * ((outputs[steps // 2 :] - 1) ** 2).mean()  # by then the start is forgotten

    trace = record(model, torch.zeros(steps, 1, 1).double(), loss, truncate=truncate, truncate_kind=kind)
    gradient = float(trace.parameter_grads["recurrent.bias_ih_l0"] @ SIGNS)
    return gradient, float(trace.outputs[-1, 0, 0]) - 1


def descend(theta: float, steps: int, updates: int, truncate: int | None, kind: str) -> Float[ndarray, " update"]:
    """|s¹ − 1| over the updates of gradient descent on θ, up to `LARGEST`."""
    model, errors = network(), []
    for _ in range(updates):
        gradient, error = slope(model, theta, steps, truncate, kind)
        errors.append(min(abs(error), LARGEST))
        if abs(error) < LARGEST:
            theta -= RATE * gradient
    return np.array(errors)


def shortest(kind: str) -> int:
    """The smallest truncation whose gradient has the right sign, of a state at rest.

    A window sees Σ_{j<k} e_1ᵀ A^j d, a block of k timesteps (1 − j/k) of each term on average, since its losses see
    0 … k − 1 steps back.
    """
    A = network().recurrent.get_parameter("weight_hh_l0").detach().numpy()
    influence, row = [], np.eye(UNITS)[0]
    for _ in range(STEPS):
        influence.append(row @ SIGNS.numpy())
        row = row @ A
    terms = np.array(influence)
    for k in range(1, STEPS + 1):
        j = np.arange(k)
        seen = terms[:k] if kind == "window" else (1 - j / k) * terms[:k]
        if seen.sum() * terms.sum() > 0:
            return k
    return STEPS + 1


def measure_influence_balancing(seeds: int, quick: bool) -> tuple[Values, Sequence[Picture]]:
    """The error at the end of descents with several truncations, from another θ for each seed."""
    steps, updates = (100, 5) if quick else (STEPS, UPDATES)
    values: dict[str, list[float]] = {f"shortest_{kind}": [float(shortest(kind))] for kind in ("blocks", "window")}
    lines: dict[str, Float[ndarray, " update"]] = {}
    for seed in range(seeds):
        theta = float(np.random.default_rng(seed).uniform(-0.5, 0.5))
        for name, (truncate, kind) in WAYS.items():
            errors = descend(theta, steps, updates, truncate, kind)
            values.setdefault(f"{name}.error", []).append(float(errors[-1]))
            values.setdefault(f"{name}.growth", []).append(float(errors[-1] / errors[0]))
            lines.setdefault(name, errors)
    return values, [descent_picture(lines)]


def descent_picture(lines: dict[str, Float[ndarray, " update"]]) -> Picture:
    """The error over the updates, seed 0."""
    colours = (cell_colour("elman"), *OTHER_COLOURS)
    drawn = [
        SettingLine(name.replace("_", ", k = "), np.arange(len(errors), dtype=float), np.log10(errors), colour)
        for (name, errors), colour in zip(lines.items(), colours, strict=False)
    ]
    words = "Blocks of 100 timesteps still go the wrong way"
    sentence = (
        "log₁₀ of |s¹ − 1| over the updates of θ, seed 0. Truncated BPTT sees the near units, which have the other "
        "sign; a descent that diverges is cut at 10¹²."
    )
    return setting_picture(
        "influence-balancing", words, drawn, sentence, f"{words}.", x_title="update", y_title="log₁₀ error",
        limits=(-math.log10(LARGEST), math.log10(LARGEST)),
    )  # fmt: skip

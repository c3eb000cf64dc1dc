"""Lyapunov exponents against theory: products of Gaussian matrices, driven and free tanh networks, extensive chaos."""

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
from analysis.lyapunov import Lyapunov, lyapunov_of_jacobians
from analysis.theory import critical_gain, mean_field
from experiments.recipes.expectation import Values

DRIVEN = ((1.0, 0.25), (1.4, 0.25), (2.0, 1.0))
"""Gain g and input variance s² of driven networks."""
FREE_GAINS = (0.7, 2.0, 3.0)
CHAOTIC = 3.0
CRITICAL = {0.01: 1.193, 0.1: 1.409, 0.25: 1.550, 1.0: 1.856}


def measure_lyapunov_theory(seeds: int, quick: bool) -> tuple[Values, Sequence[Picture]]:
    """The theory's numbers beside those of simulated networks, one network per seed."""
    width, steps = (64, 200) if quick else (512, 600)
    sizes = (16, 32) if quick else (64, 128)
    values: dict[str, list[float]] = {}

    def add(name: str, value: float) -> None:
        values.setdefault(name, []).append(value)

    spectra = {}
    for seed in range(seeds):
        g = torch.Generator().manual_seed(seed)
        N, count = 32, 400 if quick else 4000
        product = lyapunov_of_jacobians(gaussian_matrices(N, count, g), count, N)
        add("newman_error", float(np.abs(product.exponents - newman(N)).max()))
        for gain, variance in DRIVEN:
            measured = tanh_network(width, gain, variance, steps, 1, g)
            add(
                f"driven_{gain:g}_{variance:g}.error",
                abs(float(measured.exponents[0]) - mean_field(gain, variance).rate),
            )
        free = [float(tanh_network(width, gain, 0.0, steps, 1, g).exponents[0]) for gain in FREE_GAINS]
        add("free_0.7", free[0])
        add("free_2", free[1])
        add("free_3", free[2])
        for size in sizes:
            spectra[size] = tanh_network(size, CHAOTIC, 0.0, 3 * steps, None, g)
            add(f"dimension_{'small' if size == sizes[0] else 'large'}", spectra[size].kaplan_yorke_dimension / size)
            add(f"entropy_{'small' if size == sizes[0] else 'large'}", spectra[size].entropy_rate / size)
    error = max(abs(critical_gain(variance) - gain) for variance, gain in CRITICAL.items())
    values["critical_error"] = [error]
    return values, [rate_picture(width, steps), spectrum_picture(spectra)]


def newman(size: int) -> Float[ndarray, " exponent"]:
    """Exponent i of a product of independent N×N Gaussian matrices, variance 1/N: ½[ln(2/N) + ψ((N−i+1)/2)]."""
    from scipy.special import digamma

    i = np.arange(1, size + 1)
    return np.asarray(0.5 * (math.log(2 / size) + digamma((size - i + 1) / 2)))


def gaussian_matrices(size: int, count: int, generator: torch.Generator) -> "list[Tensor]":
    """Independent matrices with entries of variance 1/N."""
    made = torch.randn(count, size, size, generator=generator, dtype=torch.float64) / math.sqrt(size)
    return list(made)


def tanh_network(
    size: int, gain: float, variance: float, steps: int, count: int | None, generator: torch.Generator
) -> Lyapunov:
    """Exponents of h = tanh(W h + input), W Gaussian of deviation g/√N, inputs Gaussian of this variance per unit."""
    W = gain * torch.randn(size, size, generator=generator, dtype=torch.float64) / math.sqrt(size)
    h = torch.randn(size, generator=generator, dtype=torch.float64)

    def jacobians() -> "Sequence[Tensor]":
        nonlocal h
        made = []
        for _ in range(steps):
            drive = math.sqrt(variance) * torch.randn(size, generator=generator, dtype=torch.float64)
            a = W @ h + drive
            h = torch.tanh(a)
            made.append(torch.cosh(a).pow(-2)[:, None] * W)
        return made

    return lyapunov_of_jacobians(jacobians(), steps, size, count, transient=steps // 5)


def rate_picture(width: int, steps: int) -> Picture:
    """Mean field as a line, networks of this width as points, over the gain at input variance 1/4."""
    gains = np.linspace(0.5, 3.0, 60)
    theory = np.array([mean_field(float(gain), 0.25).rate for gain in gains])
    at = np.array([0.7, 1.2, 1.55, 2.0, 2.5, 3.0])
    g = torch.Generator().manual_seed(0)
    measured = np.array([float(tanh_network(width, float(gain), 0.25, steps, 1, g).exponents[0]) for gain in at])
    lines = [SettingLine("mean field", gains, theory, OTHER_COLOURS[0])]
    lines += [
        SettingLine(f"{width} units, gain {gain:g}", at[k : k + 1], measured[k : k + 1], cell_colour("elman"))
        for k, gain in enumerate(at)
    ]
    words = "Measured exponents lie on the theory's line"
    sentence = (
        "The largest Lyapunov exponent of tanh networks with inputs of variance 1/4, over the gain of their weights."
    )
    picture = setting_picture(
        "rate-over-gain", words, lines, sentence, f"{words}.", x_title="gain g", y_title="nats per step"
    )
    picture.figure.update_layout(showlegend=False)
    return picture


def spectrum_picture(spectra: dict[int, Lyapunov]) -> Picture:
    """The whole spectrum of free chaotic networks over the rank divided by the size."""
    lines = [
        SettingLine(f"{size} units", np.arange(1, size + 1) / size, found.exponents, colour)
        for (size, found), colour in zip(spectra.items(), OTHER_COLOURS, strict=False)
    ]
    words = "Networks of two sizes have one spectrum: their chaos is extensive"
    sentence = "Lyapunov exponents of free tanh networks at gain 3, over their rank divided by the size."
    return setting_picture(
        "spectrum-of-sizes", words, lines, sentence, f"{words}.", x_title="rank ÷ size", y_title="nats per step"
    )

"""Theory to compare with measured gradients: an upper bound, and the mean-field rate of wide tanh networks."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from analysis.numbers import log_quantile
from analysis.scalar import tanh_slope
from models.cells.elman.step import ElmanCell
from models.recording.layer_record import LayerRecord, LayerStates

LARGEST = 1e150
"""Largest gain or variance: float64 can still hold its square."""


def gradient_bound(layer: LayerRecord, spectral_norm: float, slope: float) -> Float[ndarray, " time"]:
    """Upper bound on ln‖dL/dh_t‖ of a layer h = φ(W h' + …) over time (nats), the median over the batch.

    b_t = ‖direct_t‖ + γ‖W‖ b_{t+1}; with a loss at the last step only, this is ‖direct_T‖ (γ‖W‖)^(T−t), the bound of
    Pascanu et al. 2013, §2.1.

    Args:
        layer: a recorded layer.
        spectral_norm: ‖W‖, the largest singular value.
        slope: γ, the steepest slope of φ.

    Example:
        >>> import torch
        >>> from models import SequenceModel, record
        >>> model = SequenceModel("elman", input_size=1, hidden_size=4, output_size=1, nonlinearity="identity")
        >>> model.recurrent.weight_hh_l0.data = 0.9 * torch.eye(4)
        >>> trace = record(model, torch.zeros(50, 2, 1), lambda outputs: outputs[-1].sum())
        >>> bound = gradient_bound(trace.top, spectral_norm=0.9, slope=1.0)
        >>> print(f"{(bound[0] - bound[-1]) / 49:.4f} nats per step back")  # ln 0.9
        -0.1054 nats per step back
    """
    reverse, direct = layer.reverse, layer.ended_together(layer.direct_log_norm).cpu().numpy()
    with np.errstate(divide="ignore"):
        log_rate = np.log(slope * spectral_norm)
    bound = np.empty_like(direct)
    carried = np.full(direct.shape[1], -np.inf)
    with np.errstate(invalid="ignore"):  # a diverged pass: NaN in, NaN out
        for t in range(len(direct)) if reverse else reversed(range(len(direct))):
            bound[t] = np.logaddexp(direct[t], carried)
            carried = bound[t] + log_rate
    return log_quantile(bound, 0.5)


@dataclass(frozen=True, eq=False)
class MeanField:
    """Mean field of a wide random tanh network with independent Gaussian inputs, or without inputs."""

    gain: float
    """g: weights have standard deviation g/√N."""
    input_variance: float
    """s²: variance of the inputs' and biases' part of a preactivation, drawn anew at every step."""
    preactivation_variance: float
    """q, the fixed point of q = g² E tanh²(√q z) + s²."""
    squared_slope: float
    """χ = g² E tanh'²(√q z): the mean factor of a step on the squared norm of a gradient."""

    @property
    def rate(self) -> float:
        """½ ln χ, nats per step: the largest Lyapunov exponent and the gradient's decay rate; −∞ without weights."""
        return 0.5 * math.log(self.squared_slope) if self.squared_slope > 0 else -math.inf


def mean_field(gain: float, input_variance: float) -> MeanField:
    """The stationary state of h = tanh(W h' + input), W Gaussian with standard deviation gain/√N, N → ∞.

    It is exact for new weights at every step. For one W it holds while the lag is far below √N, and only for medians,
    mean logs and exponents: a few rare directions of W dominate mean squares. A network of finite width has a smaller
    rate: at gain 2 without inputs, .139 for N = 128, .150 for 512 and .153 for 1024, where the mean field has .155.

    Args:
        gain: g ≥ 0.
        input_variance: s² ≥ 0.

    Raises:
        ValueError: an argument below 0 or above 1e150, whose square has no room in float64.

    Source:
        Sompolinsky, Crisanti & Sommers 1988; with inputs, Molgedey, Schuchhardt & Schuster 1992.

    Example:
        >>> print(f"{mean_field(gain=2.0, input_variance=0.0).rate:.4f} nats per step")
        0.1547 nats per step
    """
    for name, value in {"gain": gain, "input_variance": input_variance}.items():
        if not 0 <= value <= LARGEST:
            raise ValueError(f"{name} was {value}; it must be a number from 0 to {LARGEST:g}.")
    q = stationary_variance(gain, input_variance)
    chi = gain**2 * gaussian_mean(lambda a: tanh_slope(a) ** 2, q)
    return MeanField(gain, input_variance, q, chi)


@dataclass(frozen=True, eq=False)
class RateOverGain:
    """The mean-field rate of a tanh network over its gain, at one variance of the inputs' part."""

    input_variance: float
    gain: Float[ndarray, " gain"]
    rate: Float[ndarray, " gain"]
    """½ ln χ, nats per step; −inf at gain 0."""
    critical_gain: float
    """The gain at which the rate crosses 0: below it gradients vanish, above it there is chaos."""


def rate_over_gain(gains: Float[ndarray, " gain"], input_variance: float) -> RateOverGain:
    """The mean-field rate at each of these gains.

    Raises:
        ValueError: as `mean_field`.
    """
    rate = np.array([mean_field(float(gain), input_variance).rate for gain in gains])
    return RateOverGain(input_variance, gains, rate, critical_gain(input_variance))


def measured_mean_field(layer: LayerStates) -> MeanField:
    """The mean field of a tanh Elman layer, from the gain of its W_hh and the mean square of W_ih x + b.

    Raises:
        ValueError: another cell or nonlinearity, a pass that diverged, a gain or variance above 1e150.
    """
    steps = layer.in_order()
    cell = steps.cell
    if not isinstance(cell, ElmanCell) or cell.nonlinearity != "tanh":
        raise ValueError("layer is not a tanh Elman layer; the mean field exists for that cell only.")
    drive = steps.inputs @ cell.weight_ih.T + cell.bias_ih + cell.bias_hh
    return mean_field(effective_gain(cell.weight_hh), drive.square().mean().item())


def stationary_variance(gain: float, input_variance: float) -> float:
    """The largest q with q = g² E tanh²(√q z) + s²."""

    def excess(q: float) -> float:
        return gain**2 * gaussian_mean(lambda a: np.tanh(a) ** 2, q) + input_variance - q

    if input_variance == 0 and gain <= 1:
        return 0.0  # E tanh²(√q z) < q: only rest
    # The right side is concave in q, so that it crosses q once. Without input, q ≈ (1 − 1/g²)/2 just above gain 1.
    lowest = input_variance if input_variance > 0 else 1e-3 * (1 - gain**-2)
    highest = (1 + 1e-9) * gain**2 + input_variance
    if excess(lowest) <= 0:
        return lowest  # no room between: a gain of 0, or within rounding of one
    from scipy.optimize import brentq  # half a second, for those who ask for a gain

    return float(brentq(excess, lowest, highest, xtol=1e-14, rtol=1e-13))


def critical_gain(input_variance: float) -> float:
    """The gain at which χ = 1: below it gradients vanish and states are forgotten, above it gradients explode in chaos.

    It is 1 without inputs. Inputs saturate units and raise it.

    Raises:
        ValueError: a variance below 0 or above 1e150.

    Example:
        >>> print(f"{critical_gain(0.0):.4f} {critical_gain(0.1):.4f}")
        1.0000 1.4093
    """
    if not 0 <= input_variance <= LARGEST:
        raise ValueError(f"input_variance was {input_variance}; it must be a number from 0 to {LARGEST:g}.")
    if input_variance == 0:
        return 1.0
    highest = 2.0
    while mean_field(highest, input_variance).squared_slope < 1:
        highest *= 2
    from scipy.optimize import brentq

    return float(brentq(lambda g: mean_field(g, input_variance).squared_slope - 1, 1.0, highest, xtol=1e-12))


def gaussian_mean(f: Callable[[Float[ndarray, " node"]], Float[ndarray, " node"]], variance: float) -> float:
    """E f(√variance · z) for a standard normal z and a function f of tanh, to 14 digits up to a variance of 10⁶.

    It uses the trapezoidal rule with step h. The error is e^(−2πd/h) for the nearest pole at a distance d from the real
    axis (Trefethen & Weideman 2014); tanh has it at π/2. Gauss–Hermite nodes lie too far apart for wide Gaussians.
    """
    deviation = math.sqrt(variance)
    if deviation > WIDE:
        return wide_gaussian_mean(f, deviation)
    h = min(0.3, math.pi**2 / (36 * max(deviation, 1e-3)))
    z = h * np.arange(-math.ceil(9 / h), math.ceil(9 / h) + 1)
    weights = np.exp(-(z**2) / 2)
    return float(weights @ f(deviation * z) / weights.sum())


WIDE = 1e3
"""From this deviation on nearly all of a Gaussian lies where tanh is ±1; a grid over it would be wasted."""


def wide_gaussian_mean(f: Callable[[Float[ndarray, " node"]], Float[ndarray, " node"]], deviation: float) -> float:
    """The same for an even f of tanh and any deviation σ: f(∞) + ∫ (f(a) − f(∞)) φ(a/σ)/σ da, over |a| < 20."""
    h = math.pi**2 / 36
    a = h * np.arange(-math.ceil(20 / h), math.ceil(20 / h) + 1)
    density = np.exp(-((a / deviation) ** 2) / 2) / (deviation * math.sqrt(2 * math.pi))
    far = f(np.array([np.inf]))
    return float(far[0] + h * np.sum((f(a) - far) * density))


def effective_gain(weight: Tensor | Float[ndarray, "unit unit"]) -> float:
    """√N × the root mean square of the entries: the gain g of a Gaussian matrix whose entries are of the same size.

    It is 1/√3 = .577 for torch's default U(±1/√N).

    Raises:
        ValueError: a matrix that is not square or not finite.
    """
    W = weight.detach().cpu().double().numpy() if isinstance(weight, Tensor) else np.asarray(weight, float)
    if W.ndim != 2 or W.shape[0] != W.shape[1] or not W.size:
        raise ValueError(f"weight has shape {W.shape}; it must be a square matrix.")
    if not np.isfinite(W).all():
        raise ValueError("weight has entries that are not finite; it has no gain.")
    return float(np.sqrt(np.mean(W**2)) * math.sqrt(len(W)))

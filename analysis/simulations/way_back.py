"""A gradient's way back through one linear or tanh network whose matrix has a given spectral norm."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray

from analysis.jacobian import step_jacobians
from analysis.lyapunov import lyapunov
from analysis.numbers import LN_10
from analysis.product import product_log_norms
from analysis.spectrum import Spectrum, spectrum
from models import SequenceModel, record
from models.cells.elman.jacobian import elman_slope
from models.networks.initialise import scale_spectral_norm

UNITS, STEPS, SEED = 64, 100, 2


@dataclass(frozen=True, eq=False)
class WayBack:
    """A gradient's way back through one network."""

    spectrum: Spectrum
    recorded: Float[ndarray, " lag"]
    """ln of ‖dL/dh_{T−lag}‖ ÷ ‖dL/dh_T‖ (nats), by recorded BPTT."""
    largest: Float[ndarray, " lag"]
    """ln‖∂h_T/∂h_{T−lag}‖ (nats): the size that the luckiest gradient would keep."""
    slope: float
    """Mean slope φ' of the units; 1 if they are linear."""
    exponent: float
    """The largest Lyapunov exponent (nats per step): the rate of `largest` in the long run."""

    @property
    def bound(self) -> Float[ndarray, " lag"]:
        """ln of the spectral norm to the power lag."""
        return np.arange(len(self.recorded)) * math.log(self.spectrum.spectral_norm)

    @property
    def left(self) -> float:
        """log₁₀ of the largest share that a gradient can keep over all steps."""
        return float(self.largest[-1]) / LN_10


def record_way_back(kind: str, norm: float, driven_steps: int = STEPS) -> WayBack:
    """One network of 64 units, its matrix scaled to a spectral norm, and BPTT from a loss at the last step."""
    draw_weights = torch.Generator().manual_seed(SEED)
    model = SequenceModel(
        "elman", 1, UNITS, 1, generator=draw_weights, dtype=torch.float64,
        nonlinearity="tanh" if kind == "tanh" else "identity",
    )  # fmt: skip
    drawn = torch.randn(UNITS, UNITS, generator=draw_weights, dtype=torch.float64)
    W = torch.linalg.qr(drawn).Q if kind == "orthogonal" else drawn
    r = model.recurrent
    with torch.no_grad():
        r.get_parameter("weight_hh_l0").copy_(scale_spectral_norm(W, norm))
        r.get_parameter("weight_ih_l0").copy_(0.7 * torch.randn(UNITS, 1, generator=draw_weights, dtype=torch.float64))
    inputs = torch.randn(max(STEPS, driven_steps) + 1, 1, 1, generator=draw_weights, dtype=torch.float64)
    trace = record(model, inputs, lambda outputs: outputs[-1].sum())
    log_norm = trace.log_norm[0, :, 0].flip(0).numpy()[: STEPS + 1]
    factors = step_jacobians(trace.top, start=len(inputs) - STEPS).matrices[:, 0]
    return WayBack(
        spectrum(W * (norm / torch.linalg.matrix_norm(W, ord=2))),
        log_norm - log_norm[0],
        product_log_norms(factors),
        float(elman_slope(trace.top.in_order())[0].mean()) if kind == "tanh" else 1.0,
        float(lyapunov(trace.top, count=1).exponents[0]) if driven_steps > STEPS else math.nan,
    )

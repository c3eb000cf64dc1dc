"""One unit that gets a sign at its first step and then noise: whether it holds the sign, and its gradient."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy import ndarray

from analysis.numbers import LN_10
from models import SequenceModel, record

STEPS, SEQUENCES, SEED = 100, 200, 0


@dataclass(frozen=True, eq=False)
class Latching:
    """One unit that got a sign at its first step, then noise."""

    hidden: Float[ndarray, "time sequence"]
    began: Float[ndarray, " sequence"]
    """+1 or −1."""
    log: Float[ndarray, " lag"]
    """ln of ‖dL/dh_{T−lag}‖ ÷ ‖dL/dh_T‖ (nats), median over the sequences."""

    @property
    def held(self) -> Bool[ndarray, " sequence"]:
        """Whether the last state still has the sign of the first input."""
        return np.sign(self.hidden[-1]) == self.began

    @property
    def kept(self) -> float:
        """Share of the sequences whose bit is held."""
        return float(self.held.mean())

    @property
    def left(self) -> float:
        """log₁₀ of the share of the gradient that is left."""
        return float(self.log[-1]) / LN_10

    @property
    def lasts(self) -> bool:
        """Whether the gradient arrives within a factor of ten of its size."""
        return abs(self.left) < 1


@lru_cache(maxsize=128)
def record_latching(unit: str, weight: float, noise: float) -> Latching:
    """h_t = φ(w h_{t−1} + b_t): b_1 = ±1, then uniform noise within ±`noise`; the loss is h_T. Recorded BPTT."""
    model = SequenceModel("elman", 1, 1, 1, nonlinearity=unit, dtype=torch.float64)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.fill_(weight if "weight_hh" in name else 1.0 if "weight" in name else 0.0)
    draws = torch.rand(STEPS + 1, SEQUENCES, 1, generator=torch.Generator().manual_seed(SEED), dtype=torch.float64)
    inputs = noise * (2 * draws - 1)
    began = np.where(np.arange(SEQUENCES) % 2 == 0, 1.0, -1.0)
    inputs[0, :, 0] = torch.from_numpy(began)
    trace = record(model, inputs, lambda outputs: outputs[-1].sum())
    log = np.median(trace.log_norm[0].numpy(), axis=1)[::-1]
    return Latching(trace.hidden[0, :, :, 0].numpy(), began, log - log[0])

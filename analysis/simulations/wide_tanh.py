"""A wide random tanh network with or without inputs: its states, its gradient, its Lyapunov exponent."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from numpy import ndarray

from analysis.lyapunov import lyapunov
from models import SequenceModel, record

UNITS, TRANSIENT, STEPS, SEED = 128, 100, 300, 0
SATURATED = 0.9
"""A unit beyond ± this is saturated."""


@dataclass(frozen=True, eq=False)
class WideTanh:
    """One wide random tanh network, its states, its gradient and its rate."""

    largest_state: float
    """The largest |h|, after the transient."""
    saturated: float
    """Share of the values beyond ±`SATURATED`, after the transient."""
    log: Float[ndarray, " lag"]
    """ln of ‖dL/dh_{T−lag}‖ ÷ ‖dL/dh_T‖ (nats), recorded BPTT over the steps after the transient."""
    exponent: float
    """Largest Lyapunov exponent (nats per step)."""


def record_wide_tanh(gain: float, variance: float) -> WideTanh:
    """128 units, weights of standard deviation gain/√128, inputs of this variance to each, a loss at the last step.

    The first input moves every network away from zero, which is a fixed point without inputs.
    """
    g = torch.Generator().manual_seed(SEED)
    model = SequenceModel("elman", UNITS, UNITS, 1, nonlinearity="tanh", generator=g, dtype=torch.float64)
    Z = torch.randn(UNITS, UNITS, generator=g, dtype=torch.float64) / math.sqrt(UNITS)
    with torch.no_grad():
        for parameter in model.recurrent.parameters():
            parameter.zero_()
        model.recurrent.get_parameter("weight_hh_l0").copy_(gain * Z)
        model.recurrent.get_parameter("weight_ih_l0").copy_(torch.eye(UNITS, dtype=torch.float64))
    inputs = torch.randn(TRANSIENT + STEPS + 1, 1, UNITS, generator=g, dtype=torch.float64)
    inputs[1:] *= math.sqrt(variance)
    trace = record(model, inputs, lambda outputs: outputs[-1].sum())
    log = trace.log_norm[0, TRANSIENT:, 0].flip(0).numpy()
    settled = trace.hidden[0, TRANSIENT:, 0].abs()
    return WideTanh(
        float(settled.max()),
        float((settled > SATURATED).double().mean()),
        log - log[0],
        float(lyapunov(trace.top, count=1, transient=TRANSIENT).exponents[0]),
    )

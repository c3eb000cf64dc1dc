"""A linear network with a given recurrent matrix, and what is left of its gradient."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray

from analysis.course import course
from analysis.spectrum import Spectrum, spectrum
from models import SequenceModel, record

STEPS = 20

Matrix = Float[ndarray, "unit unit"]


def corner_matrix(weight: float) -> Matrix:
    """[[0, a], [0, 0]]: one large weight, whose product with itself is 0."""
    return np.array([[0.0, weight], [0.0, 0.0]])


def flat_matrix(weight: float, size: int) -> Matrix:
    """Every weight the same."""
    return np.full((size, size), weight)


def _log_gradients(W: Matrix) -> Float[ndarray, " lag"]:
    """ln of ‖dL/dh_{T−lag}‖ ÷ ‖dL/dh_T‖ (nats) of a linear network with this matrix, by recorded BPTT.

    The loss is the sum of the last hidden state.
    """
    model = SequenceModel("elman", 1, len(W), 1, nonlinearity="identity", dtype=torch.float64)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.recurrent.get_parameter("weight_hh_l0").copy_(torch.from_numpy(W))
        model.readout.get_parameter("weight").fill_(1.0)
    inputs = torch.zeros(STEPS + 1, 1, 1, dtype=torch.float64)
    log_norm = record(model, inputs, lambda outputs: outputs[-1].sum()).log_norm[0, :, 0].flip(0).numpy()
    return log_norm - log_norm[0]


@dataclass(frozen=True, eq=False)
class LinearCase:
    """One matrix and its gradient."""

    largest_weight: float
    spectrum: Spectrum
    log: Float[ndarray, " lag"]
    """ln of the share left at each lag (nats); −inf if nothing is left."""

    @property
    def zero_from(self) -> int | None:
        """The first lag at which the gradient is exactly zero."""
        zero = np.flatnonzero(np.isneginf(self.log))
        return int(zero[0]) if zero.size else None

    @property
    def grows(self) -> bool:
        """Whether it is larger at the last lag than at the loss."""
        return bool(self.log[-1] > 0)

    @property
    def explodes(self) -> bool:
        """Whether it explodes."""
        return course(self.log).kind == "explodes"


def record_linear(W: Matrix) -> LinearCase:
    """A linear network with this matrix: its largest weight, its spectrum, its gradient."""
    return LinearCase(float(np.abs(W).max()), spectrum(W), _log_gradients(W))

"""One linear neuron, and the gradient that is left after each step back."""

import torch
from jaxtyping import Float
from numpy import ndarray

from models import SequenceModel, record


def log_gradients(weight: float, steps: int) -> Float[ndarray, " lag"]:
    """ln |dL/dh_{T−lag}| of one linear neuron by recorded BPTT (nats), lag 0 … steps; the loss is h_T."""
    model = SequenceModel("elman", 1, 1, 1, nonlinearity="identity", dtype=torch.float64)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.fill_(weight if "weight_hh" in name else 1.0 if "weight" in name else 0.0)
    inputs = torch.ones(steps + 1, 1, 1, dtype=torch.float64)
    trace = record(model, inputs, lambda outputs: outputs[-1].sum())
    return trace.log_norm[0, :, 0].flip(0).numpy()

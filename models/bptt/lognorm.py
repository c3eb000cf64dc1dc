"""Norms whose logarithm is right for entries of any size that the dtype can hold."""

import math

import torch
from jaxtyping import Float, Float64
from torch import Tensor


def log_norm(x: Float[Tensor, "*sample unit"]) -> Float64[Tensor, "*sample"]:
    """Natural log of ‖x‖₂ over the last axis (nats), in float64.

    -inf where all entries are exactly zero. The entries are divided by the largest before they are squared: in
    float32 the square of 1e-30 is zero, and so is the sum of many such.
    """
    x = x.double()
    largest = x.abs().amax(dim=-1, keepdim=True)
    unit = torch.where((largest > 0) & largest.isfinite(), largest, torch.ones_like(largest))
    return (x / unit).norm(dim=-1).log() + unit.squeeze(-1).log()


def log_norm_of_all(x: Tensor) -> float:
    """ln of the norm of all entries (nats); -inf for no entries. One sum of squares is enough if float64 holds it."""
    norm = torch.linalg.vector_norm(x, dtype=torch.float64).item()
    if 1e-145 < norm < 1e145:
        return math.log(norm)
    return log_norm(x.flatten()).item() if x.numel() else -math.inf

"""Clipping inside BPTT: at every timestep, the gradient of a cell's preactivations is limited to [−τ, τ].

    da_t ← min(max(da_t, −τ), τ)        before it goes on to h_{t−1}, to x_t and to the weights

This is what Graves (2013, §2.1) did: he clipped the derivatives at the LSTM's inputs, before the squashing functions.
"""

from dataclasses import replace

import torch
from jaxtyping import Int64
from torch import Tensor

from models.cells.cell import Cell

Seen = list[tuple[Tensor, Tensor]]
"""da before and after the limit, [sample, rows], of every group of preactivations that a step has."""


def limited(cell: Cell, threshold: float, exponent: Int64[Tensor, " sample"], seen: Seen | None = None) -> Cell:
    """The same cell; autograd through its step limits each sample's da to ±threshold.

    Args:
        cell: its step must be differentiated in float64.
        threshold: τ > 0.
        exponent: of each sample; the gradient that enters is the true one divided by 2^exponent, and so is the limit.
        seen: gets every da; None keeps none.
    """
    bound = threshold * torch.exp2(-exponent.double())[:, None]

    def limit(da: Tensor) -> Tensor:
        kept = da.clamp(-bound, bound)
        if seen is not None:
            seen.append((da, kept))
        return kept

    def pass_on(a: Tensor) -> Tensor:
        if a.requires_grad:
            a.register_hook(limit)
        return a

    return replace(cell, pass_on=pass_on)

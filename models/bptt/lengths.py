"""Sequences of several lengths in one batch: which positions are padding, and all moved to end together."""

import math

import torch
from jaxtyping import Int64, Num
from torch import Tensor


def ended_together(
    x: Num[Tensor, "time batch *rest"], lengths: Int64[Tensor, " batch"], before: float | int = math.nan
) -> Num[Tensor, "time batch *rest"]:
    """Each sequence moved to end at the last timestep; it has the value `before` where it has not begun."""
    source = torch.arange(len(x), device=x.device)[:, None] - (len(x) - lengths)
    source = source.view(*source.shape, *[1] * (x.ndim - 2)).expand(x.shape)
    return x.gather(0, source.clamp(min=0)).masked_fill(source < 0, before)


def padding(seq_len: int, lengths: Int64[Tensor, " batch"]) -> Tensor:
    """[time, batch]: True at the positions beyond a sequence's end."""
    return torch.arange(seq_len, device=lengths.device)[:, None] >= lengths

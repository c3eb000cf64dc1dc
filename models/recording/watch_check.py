"""Whether the layers, run again, give the output that the watched module gave: only then is a trace the module's."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from models.recording.layer_record import LayerStates
from models.recording.watch_call import Call

BEFORE, AFTER = 1e-4, 1e-2
"""Relative differences of float32. One that jumps within a timestep from below the first to above the second is no
rounding, whatever the network: a chaotic one makes of rounding a large difference, too, but over many timesteps."""
OF_ROUNDING = 16, 64
"""The same in units of the output's rounding, for shorter dtypes."""
FLOOR = 1e-3
"""Share of the largest output below which no output counts as small."""


def is_the_modules(calls: Sequence[Call], top: Sequence[LayerStates], kept: slice) -> bool:
    """Whether the outputs are the module's own.

    Args:
        calls: the calls of one sequence.
        top: the top layer's record of them, one for each direction.
        kept: the sequences of the record.
    """
    said = torch.cat([call.said for call in calls])[:, kept]
    rounding = max(call.rounding for call in calls)
    lengths = calls[0].lengths
    for d, layer in enumerate(top):
        hidden, sums = layer.hidden, said[..., d]
        if lengths is not None:
            is_real = torch.arange(len(said), device=said.device)[:, None] < lengths[kept]
            hidden, sums = torch.where(is_real[..., None], hidden, 0), torch.where(is_real, sums, 0)
        if has_jump(*((sums.flip(0), hidden.flip(0)) if d else (sums, hidden)), rounding):
            return False
    return True


def has_jump(said: Float[Tensor, "time batch"], hidden: Float[Tensor, "time batch unit"], rounding: float) -> bool:
    """Whether the sum over the units leaves the one that the module said, within a single timestep."""
    size = hidden.abs().sum(-1)
    size = torch.where(size.isfinite(), size, 0)
    error = (said - hidden.sum(-1)).abs() / (size + FLOOR * size.max() + torch.finfo(size.dtype).tiny)
    error = torch.where(error.isfinite(), error, 0)
    before = torch.cat([torch.zeros_like(error[:1]), error[:-1]])
    low, high = (max(bound, units * rounding) for bound, units in zip((BEFORE, AFTER), OF_ROUNDING, strict=True))
    jumps: Bool[Tensor, "time batch"] = (before < low) & (error > high)
    return bool(jumps.any())

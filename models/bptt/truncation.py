"""Truncated BPTT in blocks or by a window: where the gradient stops on its way back through time.

In blocks of k steps a loss at t sees the states since the last boundary, 1 to k of them. In a window of k steps that
slides with each loss it always sees k: t−k+1 … t (Williams & Peng 1990, with k1 = 1 and k2 = k).

    dL/ds_t = Σ_{τ=t}^{t+k−1} (∂s_τ/∂s_t)ᵀ direct_τ        (window)

The windows of the losses at τ = r, r+k, r+2k, … do not overlap: together they are one pass in blocks that end at these
τ. So a window is at most k passes in blocks, one for each r, and their gradients are added.
"""

from dataclasses import dataclass
from typing import Literal, get_args

TruncateKind = Literal["blocks", "window"]
TRUNCATE_KINDS: tuple[TruncateKind, ...] = get_args(TruncateKind)


@dataclass(frozen=True)
class Blocks:
    """Truncated BPTT in blocks of `steps` input positions."""

    steps: int
    first: int = 0
    """A position where a block begins, from 0."""

    def begins_at(self, t: int, reverse: bool) -> bool:
        """Whether the gradient stops between position t (from 0) and the position that was read before it.

        The gradient of the first block reaches the start state: no position was read before it.
        """
        return (t + reverse - self.first) % self.steps == 0

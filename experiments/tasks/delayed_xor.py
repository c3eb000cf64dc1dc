"""Delayed exclusive or: compare the bit of d timesteps ago with the bit of 2 d timesteps ago."""

import math

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from experiments.tasks.classification import Classification
from experiments.tasks.task import LossPosition, Targets

BLANK = 2


class DelayedXor(Classification):
    """y_t = |s_{t−d} − s_{t−2d}| for fair bits s_t (Engelken 2023).

    Args:
        fixed_delay: d in timesteps; None is ⌊T/3⌋.

    Inputs, 1 channel: the bits, 0 or 1. Targets, one per timestep: y_t, 0 or 1; a blank for t < 2 d, where no such bits
    exist. A blank has no loss and no output, as in the paper's program: networks that must first learn that answers are
    no blanks stay at the guess for long. The accuracy counts the bits only.
    """

    name = "delayed_xor"
    input_size = 1
    output_size = 2
    costless = BLANK
    default_loss_position: LossPosition = "every"
    asks = "the answers from timestep 2 d on, not the blanks before"

    def __init__(self, fixed_delay: int | None = None) -> None:
        self.fixed_delay = fixed_delay

    def delay(self, seq_len: int) -> int:
        """d: as it is fixed, or a third of T, at least 1."""
        return self.fixed_delay or max(seq_len // 3, 1)

    def length(self, seq_len: int) -> int:
        """T, at least the 2 d + 1 timesteps that one answer needs."""
        return max(seq_len, 2 * self.delay(seq_len) + 1)

    def sample(
        self, batch_size: int, seq_len: int, generator: torch.Generator, dtype: torch.dtype = torch.float32
    ) -> tuple[Float[Tensor, "time batch 1"], Int[Tensor, "time batch"]]:
        """Bits, and blanks until both bits that are compared exist."""
        T, d, device = self.length(seq_len), self.delay(seq_len), generator.device
        s = torch.randint(0, 2, (T, batch_size), generator=generator, device=device)
        y = torch.full_like(s, BLANK)
        y[2 * d :] = (s[d : T - d] - s[: T - 2 * d]).abs()
        return s.unsqueeze(-1).to(dtype), y

    def answer_word(self, answer: float) -> str:
        """A bit, or a blank."""
        return "_" if answer == BLANK else f"{answer:g}"

    def asked(self, targets: Targets) -> Bool[Tensor, " batch"] | Bool[Tensor, "time batch"]:
        """The bits; a blank asks for nothing that must be remembered."""
        return targets != BLANK

    def chance(self, seq_len: int, position: LossPosition | None = None) -> float:
        """(T − 2 d) ln 2/T (nats): blanks have no loss, each answer's is ln 2; `last` is an answer."""
        T = self.length(seq_len)
        return math.log(2) if position == "last" else (T - 2 * self.delay(seq_len)) * math.log(2) / T

    def guess_accuracy(self, seq_len: int) -> float:
        """1/2 of the answers."""
        return 1 / 2

    def dependency(self, seq_len: int) -> int:
        """2 d, from an answer to the earlier bit."""
        return 2 * self.delay(seq_len)

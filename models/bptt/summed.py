"""Sum a parameter's gradient from parts of any size."""

from collections.abc import Sequence

import torch
from torch import Tensor

from models.bptt.lognorm import log_norm_of_all
from models.bptt.scaled import LN_2, Scaled, times_power_of_two

COMFORTABLE = 64
"""2^±64: sums of squares of such numbers exist in float32, too."""


def on_one_scale(x: Scaled) -> tuple[Tensor, int]:
    """The numbers divided by one power of two, and the power: 0 where all are of ordinary size."""
    (numbers,), power = all_on_one_scale([x])
    return numbers, power


def all_on_one_scale(xs: Sequence[Scaled]) -> tuple[list[Tensor], int]:
    """The same for several gradients of one part each, with one power for all."""
    largest = max(int(x.magnitude().max()) for x in xs)
    power = largest if abs(largest) > COMFORTABLE and largest > -(2**61) else 0
    return [x.at(torch.full_like(x.exponent, power)).parts[0] for x in xs], power


def scaled_grad(grad: Tensor, power: int) -> tuple[Tensor, float]:
    """A parameter's gradient, and ln of its norm (nats)."""
    return times_power_of_two(grad, torch.tensor(power)), log_norm_of_all(grad) + power * LN_2

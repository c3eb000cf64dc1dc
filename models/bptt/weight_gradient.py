"""The gradient of a weight as a number of any size; `recursion.py` and `compiled/weights.py` compute it."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from models.bptt.lognorm import log_norm_of_all
from models.bptt.scaled import LN_2, times_power_of_two


@dataclass(frozen=True, eq=False)
class WeightGradient:
    """dL/dW = `value * 2 ** exponent`."""

    value: Tensor
    exponent: int = 0

    def true_value(self) -> Tensor:
        """dL/dW itself: 0 or Inf where its dtype cannot hold it."""
        return self.value if self.exponent == 0 else times_power_of_two(self.value, torch.tensor(self.exponent))

    def log_norm(self) -> float:
        """ln‖dL/dW‖₂ (nats), also where the gradient itself overflows."""
        return log_norm_of_all(self.value) + self.exponent * LN_2

    def __add__(self, other: "WeightGradient") -> "WeightGradient":
        """The sum; if the exponents differ, it has the larger one."""
        if self.exponent == other.exponent:
            return WeightGradient(self.value + other.value, self.exponent)
        larger = self if self.log_norm() >= other.log_norm() else other
        others = other if larger is self else self
        if math.isinf(others.log_norm()):
            return larger
        share = times_power_of_two(others.value, torch.tensor(others.exponent - larger.exponent))
        return WeightGradient(larger.value + share, larger.exponent)

"""Numbers of any size: a tensor times a power of two that its dtype could not hold.

A gradient of 1e-400 or 1e+400 is an ordinary direction with an unusual exponent. Powers of two are used because
multiplying by one is exact.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from models.bptt.lognorm import log_norm

LN_2 = math.log(2)


@dataclass(frozen=True, eq=False)
class Scaled:
    """Tensors that share one exponent per sample; the true value of each is `part * 2 ** exponent`."""

    parts: tuple[Float[Tensor, "*sample _"], ...]
    """Tensors of one or several sizes: h and c differ in size if h is projected."""
    exponent: Int64[Tensor, "*sample"]

    @staticmethod
    def of(*parts: Float[Tensor, "*sample _"]) -> "Scaled":
        """The tensors as they are, with exponent 0."""
        return Scaled(parts, torch.zeros(parts[0].shape[:-1], dtype=torch.int64, device=parts[0].device))

    def __getitem__(self, index: int | slice) -> "Scaled":
        """The samples at `index` of the first axis."""
        return Scaled(tuple(part[index] for part in self.parts), self.exponent[index])

    def magnitude(self) -> Int64[Tensor, "*sample"]:
        """Exponent of the largest absolute entry; a very negative number where all entries are zero.

        A sample that is not finite keeps its exponent: there is nothing to rescale.
        """
        largest = torch.stack([part.abs().amax(dim=-1) for part in self.parts]).amax(dim=0)
        magnitude = self.exponent + torch.frexp(largest).exponent
        magnitude = torch.where(largest.isfinite(), magnitude, self.exponent)
        return torch.where(largest == 0, torch.full_like(magnitude, _NEVER), magnitude)

    def at(self, exponent: Int64[Tensor, "*sample"]) -> "Scaled":
        """The same numbers with another exponent; what falls below the dtype's smallest number becomes 0."""
        shift = (self.exponent - exponent).unsqueeze(-1)
        return Scaled(tuple(times_power_of_two(part, shift) for part in self.parts), exponent)

    def held(self, wanted: Int64[Tensor, "*sample"], dtype: torch.dtype) -> "Scaled":
        """The same numbers in a dtype: with exponent `wanted` if it can hold them so, else with their own."""
        magnitude = self.magnitude()
        comfortable = -0.8 * math.log2(torch.finfo(dtype).tiny)  # 100 of float32's 126 bits: small entries keep theirs
        far = ((magnitude - wanted).abs() > comfortable) & (magnitude != _NEVER)
        scaled = self.at(torch.where(far, magnitude, wanted))
        return Scaled(tuple(part.to(dtype) for part in scaled.parts), scaled.exponent)

    def __add__(self, other: "Scaled") -> "Scaled":
        """The sum, with the larger of the two magnitudes as its exponent."""
        magnitude = torch.maximum(self.magnitude(), other.magnitude())
        exponent = torch.where(magnitude == _NEVER, torch.zeros_like(magnitude), magnitude)
        a, b = self.at(exponent), other.at(exponent)
        return Scaled(tuple(x + y for x, y in zip(a.parts, b.parts, strict=True)), exponent)

    def plus(self, other: "Scaled") -> "Scaled":
        """The sum. If both have the same exponents, as they nearly always have, it keeps them."""
        if torch.equal(self.exponent, other.exponent):
            return Scaled(tuple(x + y for x, y in zip(self.parts, other.parts, strict=True)), self.exponent)
        return self + other


def scaled_log_norm(scaled: Scaled) -> Float64[Tensor, "*sample"]:
    """ln‖x‖₂ of a scaled tensor with one part (nats)."""
    return log_norm(scaled.parts[0]) + scaled.exponent.double() * LN_2


def true_value(scaled: Scaled) -> Tensor:
    """The true value of a scaled tensor with one part; 0 or Inf if its dtype cannot hold it."""
    if not bool(scaled.exponent.any()):
        return scaled.parts[0]
    return times_power_of_two(scaled.parts[0], scaled.exponent.unsqueeze(-1))


def together(parts: Sequence[Scaled]) -> Scaled:
    """The parts of a state's gradient with one exponent, the larger one."""
    if len(parts) == 1 or torch.equal(parts[0].exponent, parts[1].exponent):
        return Scaled(tuple(x.parts[0] for x in parts), parts[0].exponent)
    size = torch.stack([x.magnitude() for x in parts]).amax(dim=0)
    exponent = torch.where(size == _NEVER, torch.zeros_like(size), size)  # all of it is zero
    return Scaled(tuple(x.at(exponent).parts[0] for x in parts), exponent)


_NEVER = -(2**62)


def times_power_of_two(x: Float[Tensor, "*shape"], power: Int64[Tensor, "*#shape"]) -> Float[Tensor, "*shape"]:
    """x · 2^power, exactly where the dtype can hold it; a zero stays zero however large the power is."""
    half = power // 2  # in two factors: 2^200 does not exist in float32, 1e-40 · 2^200 does
    product = x * torch.exp2(half.to(x.dtype)) * torch.exp2((power - half).to(x.dtype))
    return torch.where(x == 0, x, product)

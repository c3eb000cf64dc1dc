"""torch's matrix products in another blocking: what a processor of the future may do to the last bits.

Each sum over K is cut in two, where the shapes say, and the parts are added: products of other shapes differ in their
last bit, equal products are equal, as on a real machine. `OTHER_BLOCKING=1` puts the whole test run under it.
"""

import torch
from torch import Tensor

LIBRARY = torch.library.Library("aten", "IMPL")


def mm(a: Tensor, b: Tensor) -> Tensor:
    """Matrix times matrix: a₁b₁ + a₂b₂."""
    return in_two(torch.mm, a, b)


def bmm(a: Tensor, b: Tensor) -> Tensor:
    """The same for a batch of both."""
    return in_two(torch.bmm, a, b)


def addmm(start: Tensor, a: Tensor, b: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta start + alpha a b."""
    return added(start, mm(a, b), beta, alpha)


def baddbmm(start: Tensor, a: Tensor, b: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """The same for a batch."""
    return added(start, bmm(a, b), beta, alpha)


def mv(a: Tensor, x: Tensor) -> Tensor:
    """Matrix times vector."""
    return mm(a, x[:, None])[:, 0]


def addmv(start: Tensor, a: Tensor, x: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta start + alpha a x."""
    return added(start, mv(a, x), beta, alpha)


def dot(x: Tensor, y: Tensor) -> Tensor:
    """Vector times vector."""
    return mm(x[None], y[:, None])[0, 0]


def in_two(product: "torch._C._VariableFunctionsClass", a: Tensor, b: Tensor) -> Tensor:
    """The product by two sums that are added. With `out=` torch multiplies by itself, so that this does not recur."""
    *batch, M, K = a.shape
    N = b.shape[-1]
    k = 1 + (3 * M + N) % (K - 1) if K > 1 else 0
    first, second = (a.new_empty(*batch, M, N) for _ in range(2))
    product(a[..., :k], b[..., :k, :], out=first)
    product(a[..., k:], b[..., k:, :], out=second)
    return first + second


def added(start: Tensor, product: Tensor, beta: float, alpha: float) -> Tensor:
    """beta start + alpha product; where beta is 0 even a NaN in the start does not count, as in torch."""
    product = alpha * product
    return product + beta * start if beta != 0 else product + torch.zeros_like(start)


for kernel in (mm, bmm, addmm, baddbmm, mv, addmv, dot):
    LIBRARY.impl(kernel.__name__, kernel, "CPU")

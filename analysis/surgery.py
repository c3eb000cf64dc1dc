"""Spectral surgery: give a recurrent matrix new singular values and keep its singular vectors."""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from analysis.spectrum import Spectrum, spectrum
from models.networks.initialise import set_singular_values

Shape = Literal["equal", "gaussian", "linear", "outlier"]
SHAPES: tuple[Shape, ...] = get_args(Shape)


@dataclass(frozen=True, eq=False)
class Surgery:
    """A square matrix before and after."""

    weight: Float[Tensor, "hidden hidden"]
    """The new matrix, in the old one's dtype."""
    before: Spectrum
    after: Spectrum


def operate(weight: Float[Tensor, "hidden hidden"], values: Float[Tensor, " hidden"]) -> Surgery:
    """Replace the singular values of a matrix and keep its singular vectors; largest value first, zeros are allowed.

    If the matrix has equal singular values, its singular vectors are not unique: the SVD's choice is kept. For a zero
    matrix these are the unit vectors.

    Raises:
        ValueError: the matrix is not square or not finite; values are negative, not finite, unsorted, too many or too
            few, or too large for the matrix's dtype.

    Example:
        >>> import torch
        >>> made = operate(torch.tensor([[0.5, 2.0], [0.0, 0.5]]), torch.tensor([1.0, 1.0]))
        >>> print(made.before.singular_values.round(3), made.after.singular_values.round(3))
        [2.118 0.118] [1. 1.]
    """
    if weight.ndim != 2 or weight.shape[0] != weight.shape[1] or not len(weight):
        raise ValueError(f"weight has shape {tuple(weight.shape)}; it must be a square matrix.")
    if not bool(weight.isfinite().all()):
        raise ValueError("weight has entries that are not finite; it has no singular vectors to keep.")
    values = torch.as_tensor(values, dtype=torch.float64)
    if tuple(values.shape) != (len(weight),):
        raise ValueError(f"values have shape {tuple(values.shape)}; this matrix has {len(weight)} singular values.")
    if not bool((values.isfinite() & (values >= 0)).all()):
        wrong = values[~(values.isfinite() & (values >= 0))][0].item()
        raise ValueError(f"values have a {wrong:g}; they must be finite and at least 0: singular values are lengths.")
    if bool((values.diff() > 0).any()):
        k = int((values.diff() > 0).nonzero()[0])
        raise ValueError(f"values have {values[k]:g} before {values[k + 1]:g}; they must be in order, largest first.")
    new = set_singular_values(weight.detach().double(), values).to(weight.dtype)
    if not bool(new.isfinite().all()):
        raise ValueError(f"values reach {float(values[0]):g}, which {str(weight.dtype)[6:]} cannot hold.")
    return Surgery(new, spectrum(weight), spectrum(new))


def wanted_values(
    shape: Shape,
    size: int,
    largest: float = 1.0,
    smallest: float = 0.0,
    rest: float = 1.0,
    gain: float | None = None,
    generator: torch.Generator | None = None,
) -> Float[Tensor, " hidden"]:
    """Singular values of a named shape, largest first, float64.

    - `equal`: all `largest`: a multiple of an orthogonal matrix.
    - `gaussian`: those of a matrix with independent entries of standard deviation gain/√size, drawn from `generator`;
      without a `gain`, scaled so that the first is `largest`.
    - `linear`: from `largest` down to `smallest` in equal steps.
    - `outlier`: one of `largest`, all others `rest`; the order is kept where `rest` is above.

    Raises:
        ValueError: an unknown shape, a size below 1, or a value below 0 or not finite.
    """
    if shape not in SHAPES:
        raise ValueError(f"shape was {shape!r}; it must be one of {', '.join(SHAPES)}.")
    if size < 1:
        raise ValueError(f"size was {size}; it must be at least 1.")
    for name, value in {"largest": largest, "smallest": smallest, "rest": rest, "gain": gain or 0.0}.items():
        if not 0 <= value < float("inf"):
            raise ValueError(f"{name} was {value}; it must be a finite number of at least 0.")
    if shape == "equal":
        values = torch.full((size,), largest, dtype=torch.float64)
    elif shape == "gaussian":
        drawn = torch.linalg.svdvals(torch.randn(size, size, generator=generator, dtype=torch.float64))
        values = drawn * (largest / drawn[0] if gain is None else gain * size**-0.5)
    elif shape == "linear":
        values = torch.linspace(largest, smallest, size, dtype=torch.float64)
    else:
        values = torch.full((size,), rest, dtype=torch.float64)
        values[0] = largest
    return values.sort(descending=True).values

"""Initial weights, chrono biases and spectra. A name that ends in `_` changes a model in place; others return a matrix.

Everything random is drawn in float64 and rounded: one seed gives one network, in every dtype.
"""

from functools import lru_cache
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor, nn

if TYPE_CHECKING:
    from models.networks.recurrent import Recurrent

Square = Float[Tensor, "hidden hidden"]


def uniform_(module: nn.Module, size: int, generator: torch.Generator | None) -> None:
    """Every parameter from U(−1/√size, 1/√size), as torch.nn.RNN, LSTM, GRU (size H) and Linear (its inputs) do.

    A parameter without memory, on torch's device `meta`, is left as it is.
    """
    for parameter in module.parameters():
        if parameter.is_meta:
            continue
        uniform = torch.rand(parameter.shape, generator=generator, dtype=torch.float64)
        parameter.data.copy_((2 * uniform - 1) * size**-0.5)


def he_uniform_(layer: nn.Linear | nn.Conv2d, generator: torch.Generator | None) -> None:
    """Weights from U(−√(6/n), √(6/n)), n inputs of a unit, and zero biases: relu keeps the size (He et al. 2015)."""
    inputs = layer.weight[0].numel()
    uniform_(layer, inputs, generator)
    for name, parameter in layer.named_parameters():
        if not parameter.is_meta:
            parameter.data.mul_(6**0.5 if name == "weight" else 0)


def gaussian(size: int, gain: float, generator: torch.Generator | None) -> Square:
    """A matrix of independent N(0, gain²/size) entries, float64: spectral radius → gain, spectral norm → 2·gain."""
    return gain * size**-0.5 * torch.randn(size, size, generator=generator, dtype=torch.float64)


def orthogonal(size: int, generator: torch.Generator | None) -> Square:
    """A random orthogonal matrix, float64, uniform over the orthogonal group (Saxe et al. 2014; Mezzadri 2007)."""
    Q, R = torch.linalg.qr(torch.randn(size, size, generator=generator, dtype=torch.float64))
    return Q * torch.sign(torch.diagonal(R))


def recurrent_matrices_(
    recurrent: "Recurrent", kind: str, gain: float = 1.0, generator: torch.Generator | None = None
) -> None:
    """Replace every square block of every recurrent matrix; a recurrence without a matrix is left as it is.

    Args:
        recurrent: the layers whose `weight_hh` change.
        kind: `gaussian` (with `gain`), `orthogonal`, or `identity`. With relu and zero biases the identity is
            the IRNN (Le et al. 2015).
        gain: factor on the Gaussian's standard deviation 1/√H.
        generator: source of the random entries.

    Raises:
        ValueError: an unknown kind.
    """
    H = recurrent.hidden_size
    for name, weight in recurrent.named_parameters():
        if not name.startswith("weight_hh"):
            continue
        for block in recurrent.cell_type.square_blocks(weight.data).values():
            if kind == "gaussian":
                block.copy_(gaussian(H, gain, generator))
            elif kind == "orthogonal":
                block.copy_(orthogonal(H, generator))
            elif kind == "identity":
                block.copy_(torch.eye(H, dtype=block.dtype))
            else:
                raise ValueError(f"kind was {kind!r}; it must be one of gaussian, orthogonal, identity.")


def set_biases_(recurrent: "Recurrent", value: float) -> None:
    """Set the total bias, b_ih + b_hh, of every unit and gate: b_ih takes the value, b_hh becomes zero."""
    for name, parameter in recurrent.named_parameters():
        if name.startswith("bias"):
            parameter.data.fill_(value if name.startswith("bias_ih") else 0)


def set_gate_bias_(recurrent: "Recurrent", gate: str, value: float | Float[Tensor, " hidden"]) -> None:
    """Set one gate's total bias, b_ih + b_hh, in every layer: b_ih takes the value and b_hh becomes zero.

    Raises:
        ValueError: the cell has no such gate.
    """
    blocks = recurrent.cell_type.blocks
    if gate not in blocks:
        raise ValueError(f"gate was {gate!r}; a cell {recurrent.cell_name!r} has {', '.join(blocks)}.")
    H, k = recurrent.hidden_size, blocks.index(gate)
    for name, parameter in recurrent.named_parameters():
        if name.startswith("bias_ih"):
            parameter.data[k * H : (k + 1) * H] = value
        elif name.startswith("bias_hh"):
            parameter.data[k * H : (k + 1) * H] = 0


def chrono_(recurrent: "Recurrent", longest: int, generator: torch.Generator | None = None) -> None:
    """Gate biases for memories of 1 to `longest` steps (Tallec & Ollivier 2018, eq. 16).

    LSTM: b_f ~ ln U(1, T_max−1), b_i = −b_f. GRU: b_z ~ ln U(1, T_max−1), since torch's z keeps the state.

    Raises:
        ValueError: the cell has no gate that keeps the past.
    """
    keep = recurrent.cell_type.keep_gate
    if keep is None:
        raise ValueError(f"cell was {recurrent.cell_name!r}; chrono biases need a gate that keeps the state.")
    uniform = torch.rand(recurrent.hidden_size, generator=generator, dtype=torch.float64)
    bias = torch.log1p(uniform * max(longest - 2, 0))
    set_gate_bias_(recurrent, keep.gate, keep.bias(bias))
    if keep.written_by is not None:
        set_gate_bias_(recurrent, keep.written_by, -bias)


def set_singular_values(
    weight: Float[Tensor, "rows hidden"], values: float | Float[Tensor, "..."]
) -> Float[Tensor, "rows hidden"]:
    """Replace a matrix's singular values and keep its singular vectors.

    Args:
        weight: the matrix.
        values: one number for all, or as many as the matrix has singular values, largest first.

    Raises:
        ValueError: entries that are not finite, or a number of values that does not fit.
    """
    check_finite(weight)
    U, S, Vh = torch.linalg.svd(weight, full_matrices=False)
    values = torch.as_tensor(values, dtype=weight.dtype)
    if values.ndim and values.shape != S.shape:
        raise ValueError(f"values have shape {tuple(values.shape)}; the matrix has {len(S)} singular values.")
    return (U * values.expand(S.shape)) @ Vh


def scale_spectral_norm(weight: Float[Tensor, "rows hidden"], largest: float) -> Float[Tensor, "rows hidden"]:
    """Scale a matrix so that its largest singular value is `largest`.

    Raises:
        ValueError: entries that are not finite, or all of them 0 or so near to 0 that no factor can give the norm.
    """
    check_finite(weight)
    found = _spectral_norm(weight.cpu().numpy().tobytes(), tuple(weight.shape), weight.dtype)
    norm = torch.tensor(found, dtype=weight.dtype, device=weight.device)
    factor = largest / norm if norm > 0 else torch.zeros_like(norm)
    if largest != 0 and not bool((norm > 0) & factor.isfinite()):
        raise ValueError("weight is 0, or near it; its spectral norm cannot be scaled.")
    return weight * factor


@lru_cache(maxsize=16)  # the blocks of three cells: a hand that drags the norm asks for the same ones again and again
def _spectral_norm(content: bytes, shape: tuple[int, ...], dtype: torch.dtype) -> float:
    weight = torch.frombuffer(bytearray(content), dtype=dtype).reshape(shape)
    return float(torch.linalg.matrix_norm(weight, ord=2))


def scale_spectral_radius(weight: Square, radius: float) -> Square:
    """Scale a square matrix so that its largest |eigenvalue| is `radius`.

    Raises:
        ValueError: entries that are not finite, or no eigenvalue other than 0, or so near to 0 that no factor can give
            the radius.
    """
    check_finite(weight)
    largest = torch.linalg.eigvals(weight).abs().max()
    factor = radius / largest if largest > 0 else torch.zeros_like(largest)
    if radius != 0 and not bool((largest > 0) & factor.isfinite()):
        raise ValueError("weight has no eigenvalue but 0, or near it; its spectral radius cannot be scaled.")
    return weight * factor


def check_finite(weight: Float[Tensor, "rows hidden"]) -> None:
    """Raise ValueError unless all entries are finite."""
    if not bool(weight.isfinite().all()):
        raise ValueError("weight has entries that are not finite; it has no singular values.")

"""Singular values and eigenvalues of a recurrent matrix; with gates, of each gate's block."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Complex, Float
from numpy import ndarray
from torch import Tensor

from models.cells.cell import Cell


@dataclass(frozen=True, eq=False)
class Spectrum:
    """The spectrum of one square matrix. If an entry is not finite, all numbers are NaN and `finite` is False."""

    singular_values: Float[ndarray, " unit"]
    """Largest first."""
    eigenvalues: Complex[ndarray, " unit"]
    """Largest absolute value first."""
    spectral_norm: float
    """The largest singular value."""
    spectral_radius: float
    """The largest absolute value of an eigenvalue; never above the spectral norm."""
    departure_from_normality: float
    """√(‖W‖_F² − Σ|λ|²) / ‖W‖_F (Henrici 1962): 0 for a normal matrix, 1 for a nilpotent one."""
    finite: bool


def spectrum(weight: Tensor | Float[ndarray, "unit unit"]) -> Spectrum:
    """The spectrum of a square matrix, in float64.

    Raises:
        ValueError: a matrix that is not square.

    Example:
        >>> import numpy as np
        >>> shear = spectrum(np.array([[0.5, 2.0], [0.0, 0.5]]))
        >>> print(f"{shear.spectral_norm:.3f} above {shear.spectral_radius:.3f}")
        2.118 above 0.500
    """
    return _spectrum(*_content(weight))


def _content(weight: Tensor | Float[ndarray, "unit unit"]) -> tuple[bytes, int]:
    """A square matrix as what can be looked up: its float64 bytes and its size."""
    W = weight.detach().cpu().double().numpy() if isinstance(weight, Tensor) else np.asarray(weight, float)
    if W.ndim != 2 or W.shape[0] != W.shape[1] or not W.size:
        raise ValueError(f"weight has shape {W.shape}; it must be a square matrix.")
    return W.tobytes(), len(W)


@lru_cache(maxsize=16)  # two states of three cells: a hand that moves something else keeps the matrices
def _spectrum(content: bytes, size: int) -> Spectrum:
    singular_values = _singular_values(content, size)
    if not np.isfinite(singular_values).all():
        return spectrum_of(singular_values, np.full(size, np.nan, complex))
    found = spectrum_of(singular_values, np.linalg.eigvals(_matrix(content, size)).astype(complex))
    found.eigenvalues.setflags(write=False)  # the next who asks gets the same arrays
    return found


@lru_cache(maxsize=16)
def _singular_values(content: bytes, size: int) -> Float[ndarray, " unit"]:
    """Largest first, or NaN if an entry is not finite."""
    W = _matrix(content, size)
    found = np.linalg.svd(W, compute_uv=False) if np.isfinite(W).all() else np.full(size, np.nan)
    found.setflags(write=False)
    return found


def _matrix(content: bytes, size: int) -> Float[ndarray, "unit unit"]:
    return np.frombuffer(content).reshape(size, size)


def spectral_norm(weight: Tensor | Float[ndarray, "unit unit"]) -> float:
    """The largest singular value of a square matrix, as `spectrum` has it, in a third of its time.

    Raises:
        ValueError: a matrix that is not square.

    Example:
        >>> import numpy as np
        >>> print(f"{spectral_norm(np.array([[0.5, 2.0], [0.0, 0.5]])):.3f}")
        2.118
    """
    return float(_singular_values(*_content(weight))[0])


def spectrum_of(singular_values: Float[ndarray, " unit"], eigenvalues: Complex[ndarray, " unit"]) -> Spectrum:
    """The spectrum of a matrix with these singular values, largest first, and eigenvalues in any order."""
    S = singular_values
    if not (np.isfinite(S).all() and np.isfinite(eigenvalues).all()):
        nan = np.full(len(S), np.nan)
        return Spectrum(nan, nan.astype(complex), np.nan, np.nan, np.nan, False)
    eigenvalues = eigenvalues[np.argsort(-np.abs(eigenvalues), kind="stable")]
    norm = float(S[0])
    squares = [float(np.sum((np.abs(x) / norm) ** 2)) if norm > 0 else 0.0 for x in (S, eigenvalues)]
    departure = float(np.sqrt(max(1 - squares[1] / squares[0], 0.0))) if norm > 0 else 0.0
    # Rounding may put the radius of an orthogonal matrix above its norm.
    return Spectrum(S, eigenvalues, norm, min(float(np.abs(eigenvalues[0])), norm), departure, True)


def block_spectra(cell: Cell) -> dict[str, Spectrum]:
    """Block name → the spectrum of its part of `weight_hh`; empty if the recurrence has no matrix."""
    return {name: spectrum(block) for name, block in cell.square_blocks(cell.weight_hh.detach()).items()}

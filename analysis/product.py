"""Products of step Jacobians, J[T] @ … @ J[k+1] = ∂s_T/∂s_k: ln of all singular values and norms.

The later step stands on the left. The opposite order would give a different matrix with a different spectrum, unless
all factors commute.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from analysis.graded import log_singular_values, normalised

Factors = Float[ndarray, "time state state"]
"""J[k+1], …, J[T]: the first acts first."""


@dataclass(frozen=True, eq=False)
class ProductSpectrum:
    """Singular values of a product of Jacobians."""

    log_singular_values: Float[ndarray, " state"]
    """ln of each singular value (nats), largest first; −inf for exactly zero, NaN: see `reason`."""
    steps: int
    """How many factors the product has."""
    reason: str | None = None

    @property
    def rates(self) -> Float[ndarray, " state"]:
        """ln σ_i / steps (nats per step): the mean growth of each singular value, a finite-time Lyapunov exponent."""
        return self.log_singular_values / self.steps


def product_spectrum(factors: Factors) -> ProductSpectrum:
    """All singular values of J[T] @ … @ J[k+1], each to many digits even if they differ by hundreds of nats.

    Two QR recursions, P = Q D X with D diagonal in logs and X well conditioned, then one-sided Jacobi on D X. A row of
    R below state·1e-16 of the largest is taken as zero: float64 cannot tell it from a singular Jacobian.

    Args:
        factors: [time, state, state] in the order in which they act, as `Jacobians.matrices[:, sample]`.

    Raises:
        ValueError: factors of another shape, or none.

    Source:
        The QR recursion: Benettin et al. 1980; graded products: Stewart 1995, "On graded QR decompositions of
        products of matrices".

    Example:
        >>> import numpy as np
        >>> factors = np.stack([np.diag([2.0, 0.5])] * 100)
        >>> product_spectrum(factors).rates / np.log(2)  # one doubling, one halving per step
        array([ 1., -1.])
    """
    factors = checked(factors)
    T, n, _ = factors.shape
    if not np.isfinite(factors).all():
        reason = "Some Jacobians are not finite: the recorded pass diverged."
        return ProductSpectrum(np.full(n, np.nan), T, reason)

    # Backwards first: a basis sorted by how much each direction will grow makes X well conditioned. It starts from a
    # dense basis, since one in line with an invariant subspace would never leave it.
    Q = cosine_basis(n)
    for J in factors[::-1]:
        Q, _ = np.linalg.qr(J.T @ Q)

    log_scale, X = np.zeros(n), np.eye(n)
    for J in factors:
        Q, R = np.linalg.qr(J @ Q)
        rounding = n * np.finfo(float).eps * np.abs(R).max()
        R[np.abs(R).max(axis=1) <= rounding] = 0
        log_scale, X = times_graded(R, log_scale, X)
    try:
        return ProductSpectrum(log_singular_values(log_scale, X), T)
    except ArithmeticError as error:
        return ProductSpectrum(np.full(n, np.nan), T, str(error))


def times_graded(
    R: Float[ndarray, "state state"], log_scale: Float[ndarray, " state"], X: Float[ndarray, "state state"]
) -> tuple[Float[ndarray, " state"], Float[ndarray, "state state"]]:
    """R · diag(exp(log_scale)) · X as another such pair, with rows of length 1."""
    with np.errstate(divide="ignore"):
        terms = np.log(np.abs(R)) + log_scale
    largest = terms.max(axis=1)
    shift = np.where(np.isfinite(largest), largest, 0)
    return normalised(shift, (np.sign(R) * np.exp(terms - shift[:, None])) @ X)


def product_log_norms(factors: Factors, fixed: Literal["end", "start"] = "end") -> Float[ndarray, " lag"]:
    """ln of the spectral norm of the product over each lag (nats), from lag 0, where it is 0.

    Args:
        factors: [time, state, state] in the order in which they act.
        fixed: `end`: J[T] … J[T−lag+1], from the last state back, as the gradient goes; `start`: J[lag] … J[1], from
            the first state on.

    Raises:
        ValueError: factors of another shape, or none, or another word for `fixed`.
    """
    factors = checked(factors)
    if fixed not in ("end", "start"):
        raise ValueError(f"fixed was {fixed!r}; it must be end or start.")
    n = factors.shape[1]
    log_norms = [0.0]
    P, log_scale = np.eye(n), 0.0
    for J in factors[::-1] if fixed == "end" else factors:
        P = P @ J if fixed == "end" else J @ P
        if not np.isfinite(P).all():
            return np.array(log_norms + [np.nan] * (len(factors) + 1 - len(log_norms)))
        log_norm = log_spectral_norm(P)
        if log_norm == -np.inf:
            return np.array(log_norms + [-np.inf] * (len(factors) + 1 - len(log_norms)))
        half = np.exp(-0.5 * log_norm)  # in two factors: 1e320 does not exist
        P, log_scale = P * half * half, log_scale + log_norm
        log_norms.append(log_scale)
    return np.array(log_norms)


def log_spectral_norm(matrix: Float[ndarray, "rows columns"]) -> float:
    """ln of the largest singular value σ (nats); −inf for a matrix of zeros, NaN if an entry is not finite.

    From the largest eigenvalue of A Aᵀ, which is as exact as an SVD (squaring harms small singular values only) at a
    third of its time.
    """
    largest = float(np.abs(matrix).max())
    if not np.isfinite(largest) or largest == 0:
        return -np.inf if largest == 0 else np.nan
    A = matrix / largest
    return float(np.log(largest) + 0.5 * np.log(np.linalg.eigvalsh(A @ A.T)[-1]))


def cosine_basis(n: int) -> Float[ndarray, "state state"]:
    """The orthogonal matrix of the discrete cosine transform: dense, and the same every time."""
    k, j = np.arange(n)[:, None], np.arange(n)
    basis = np.sqrt(2 / n) * np.cos(np.pi * k * (2 * j + 1) / (2 * n))
    basis[0] /= np.sqrt(2)
    return basis


def checked(factors: Factors) -> Factors:
    """The factors in float64, or a ValueError of one sentence."""
    factors = np.asarray(factors, float)
    if factors.ndim != 3 or factors.shape[1] != factors.shape[2] or 0 in factors.shape:
        raise ValueError(f"factors have shape {factors.shape}; they must be [time, state, state], with no length 0.")
    return factors

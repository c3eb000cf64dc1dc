"""ln of the singular values of a matrix whose rows may differ by any number of decades.

One-sided Jacobi: rotate pairs of rows until all are orthogonal; their lengths are then the singular values. For
A = diag(d) X the relative error of each depends on X alone, however large or small d is (Demmel & Veselić 1992,
"Jacobi's method is more accurate than QR"). A QR-based SVD loses all values below 1e-16 of the largest.
"""

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

MOST_SWEEPS = 60
"""Usually ten are enough. A matrix that needs more is an error; a half-rotated matrix is never returned."""


def log_singular_values(
    log_scale: Float[ndarray, " row"], rows: Float[ndarray, "row column"]
) -> Float[ndarray, " row"]:
    """ln of the singular values of diag(exp(log_scale)) · rows (nats), largest first; −inf for zero.

    Raises:
        ValueError: entries that are not finite.
        ArithmeticError: rotations that do not converge.
    """
    if not np.isfinite(rows).all() or np.isnan(log_scale).any():
        raise ValueError("rows have entries that are not finite; they have no singular values.")
    d, X = normalised(log_scale, rows)
    zeros = np.isneginf(d)
    d, X = d[~zeros], X[~zeros]
    for _ in range(MOST_SWEEPS):
        order = np.argsort(-d, kind="stable")  # large rows first: Jacobi then converges in a few sweeps
        d, X = d[order], X[order]
        largest_cosine = sweep(d, X)
        if largest_cosine <= 4 * len(d) * np.finfo(float).eps:
            return np.concatenate([np.sort(d)[::-1], np.full(zeros.sum(), -np.inf)])
    raise ArithmeticError(f"Jacobi rotations did not converge in {MOST_SWEEPS} sweeps.")


def normalised(
    log_scale: Float[ndarray, " row"], rows: Float[ndarray, "row column"]
) -> tuple[Float[ndarray, " row"], Float[ndarray, "row column"]]:
    """The same matrix with rows of length 1, and −inf as the scale of a zero row."""
    largest = np.abs(rows).max(axis=1, keepdims=True, initial=0)
    unit = rows / np.where(largest > 0, largest, 1)
    length = np.linalg.norm(unit, axis=1, keepdims=True)
    with np.errstate(divide="ignore"):
        log_scale = log_scale + (np.log(length) + np.log(largest))[:, 0]
    return log_scale, unit / np.where(length > 0, length, 1)


def sweep(d: Float[ndarray, " row"], X: Float[ndarray, "row column"]) -> float:
    """Rotate every pair of rows once, in place. Returns the largest |cosine| found between two rows."""
    largest_cosine = 0.0
    for p, q in rounds(len(d)):
        smaller = d[p] < d[q]
        i, j = np.where(smaller, q, p), np.where(smaller, p, q)
        cosine = np.einsum("ij,ij->i", X[i], X[j])
        largest_cosine = max(largest_cosine, float(np.abs(cosine).max(initial=0)))
        rho = np.exp(np.subtract(d[j], d[i], out=np.full(len(j), -np.inf), where=np.isfinite(d[j])))  # 0 for a zero row
        # The rotation by the smaller angle, tan θ = τρ: −cρ²τ² + (1−ρ²)τ + c = 0, safe for any ρ from 0 to 1.
        gap = 1 - rho**2
        denominator = gap + np.sqrt(4 * cosine**2 * rho**2 + gap**2)
        tau = -2 * cosine / np.where(denominator > 0, denominator, 1)
        cos_angle = 1 / np.sqrt(1 + (tau * rho) ** 2)
        x_i = cos_angle[:, None] * (X[i] - (tau * rho**2)[:, None] * X[j])
        x_j = cos_angle[:, None] * (X[j] + tau[:, None] * X[i])
        d[i], X[i] = normalised(d[i], x_i)
        d[j], X[j] = normalised(d[j], x_j)
    return largest_cosine


def rounds(n: int) -> list[tuple[Int[ndarray, " pair"], Int[ndarray, " pair"]]]:
    """All pairs of 0 … n−1 in rounds of disjoint pairs, as in a round-robin tournament."""
    players = list(range(n + n % 2))
    schedule = []
    for _ in range(len(players) - 1):
        half = len(players) // 2
        pairs = [(a, b) for a, b in zip(players[:half], players[: half - 1 : -1], strict=True) if max(a, b) < n]
        schedule.append((np.array([a for a, _ in pairs], int), np.array([b for _, b in pairs], int)))
        players = [players[0], players[-1], *players[1:-1]]
    return schedule

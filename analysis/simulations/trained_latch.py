"""One tanh unit that learns to keep a bit: its first inputs and its weight are trained, then there is noise.

x_t = tanh(w x_{t−1} + h_t),   h_1 … h_L learned for each class, h_{L+1} … h_T noise,   x_0 = 0
C = ½ (x_T − d)²,   d = ±.8                              (Bengio, Simard & Frasconi 1994, §II and eq. 1)
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

LEARNED = 3
"""L, the timesteps whose inputs are learned."""
TARGETS = np.array([-0.8, 0.8])
"""d of each class."""
RATE, SEQUENCES, FRESH = 0.1, 10, 200
"""The learning rate; noises of an update for each class, and those of the test. The paper does not say them."""
SMALL = 0.1
"""The learned inputs begin between − and + this."""


@dataclass(frozen=True, eq=False)
class TrainedLatches:
    """Many units after their training, each tested on fresh noise."""

    weight: Float[ndarray, " unit"]
    """w."""
    right: Float[ndarray, " unit"]
    """Share of fresh sequences whose last state has the sign of its class."""
    log_kept: Float[ndarray, " unit"]
    """ln |∂x_T/∂x_L| (nats), the median over the fresh sequences."""


def train_latches(
    weight: Float[ndarray, " unit"], noise: Float[ndarray, " unit"], steps: int, updates: int, seed: int = 0
) -> TrainedLatches:
    """Train one unit for each start weight and noise, by gradient descent with new noise at every update.

    Args:
        weight: w at the beginning.
        noise: the noise's standard deviation.
        steps: T.
        updates: of gradient descent.
        seed: of the first inputs and of the noise.

    Raises:
        ValueError: T is at most L, so that there is nothing to keep.
    """
    if steps <= LEARNED:
        raise ValueError(f"steps was {steps}; it must be at least {LEARNED + 1}.")
    draw = np.random.default_rng(seed)
    w = weight[:, None, None].astype(float)
    h = draw.uniform(-SMALL, SMALL, (LEARNED, len(w), 2, 1))
    for _ in range(updates):
        grad_w, grad_h = gradients(w, h, noises(draw, noise, steps, SEQUENCES))
        w, h = w - RATE * grad_w, h - RATE * grad_h
    x = states(w, h, noises(draw, noise, steps, FRESH))
    right = np.sign(x[-1]) == np.sign(TARGETS)[:, None]
    with np.errstate(divide="ignore"):
        log_kept = np.log(np.abs(w) * (1 - x[LEARNED + 1 :] ** 2)).sum(0)
    return TrainedLatches(w[:, 0, 0], right.mean((1, 2)), np.median(log_kept, axis=(1, 2)))


def noises(draw: np.random.Generator, noise: Float[ndarray, " unit"], steps: int, sequences: int) -> ndarray:
    """h_{L+1} … h_T, [time, unit, class, sequence]."""
    return draw.normal(0, noise[:, None, None], (steps - LEARNED, len(noise), 2, sequences))


def states(w: Float[ndarray, "unit 1 1"], h: Float[ndarray, "L unit 2 1"], n: ndarray) -> ndarray:
    """x_0 … x_T, [time, unit, class, sequence]."""
    x = [np.zeros(n.shape[1:])]
    for h_t in (*h, *n):
        x.append(np.tanh(w * x[-1] + h_t))
    return np.stack(x)


def gradients(
    w: Float[ndarray, "unit 1 1"], h: Float[ndarray, "L unit 2 1"], n: ndarray
) -> tuple[Float[ndarray, "unit 1 1"], Float[ndarray, "L unit 2 1"]]:
    """dC/dw and dC/dh_t: C summed over the classes, its mean over the sequences.

    δ_T = (x_T − d)(1 − x_T²),   δ_{t−1} = w δ_t (1 − x_{t−1}²),   dC/dw = Σ_t δ_t x_{t−1},   dC/dh_t = δ_t
    """
    x = states(w, h, n)
    grad_w, grad_h = np.zeros_like(w), np.zeros_like(h)
    dC_dx = (x[-1] - TARGETS[:, None]) / x.shape[-1]
    for t in range(len(x) - 1, 0, -1):
        delta = dC_dx * (1 - x[t] ** 2)
        grad_w += (delta * x[t - 1]).sum((1, 2), keepdims=True)
        if t <= LEARNED:
            grad_h[t - 1] = delta.sum(-1, keepdims=True)
        dC_dx = w * delta
    return grad_w, grad_h

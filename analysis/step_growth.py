"""Growth of a gradient over the steps back: the most that the step Jacobians allow, and the real growth.

    ‖dL/ds_t‖ ≤ ‖J_T ⋯ J_{t+1}‖ ‖dL/ds_T‖ ≤ ‖J_T‖ ⋯ ‖J_{t+1}‖ ‖dL/ds_T‖        (Pascanu et al. 2013, eqs. 5-7)

The first gap comes from the gradient's direction: the product may keep another direction better. The second gap comes
from the steps: each keeps a different direction best.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy import ndarray

from analysis.jacobian import state_jacobian
from analysis.product import log_spectral_norm, product_log_norms
from models.bptt.scaled import Scaled
from models.recording.layer_record import LayerRecord


@dataclass(frozen=True, eq=False)
class StepGrowth:
    """One layer along one sequence. Lag 0 is the layer's last state, where all curves have 0 nats."""

    t: Int[ndarray, " lag"]
    """The timestep of the state at each lag."""
    step: Float[ndarray, " step"]
    """ln‖J‖ of the step from t[k+1] to t[k] (nats): the largest factor on any gradient."""
    steps_apart: Float[ndarray, " lag"]
    """Sum of `step` so far (nats): every step at its worst."""
    product: Float[ndarray, " lag"]
    """ln of the spectral norm of the steps' product (nats): the largest possible growth of any gradient."""
    gradient: Float[ndarray, " lag"]
    """ln of the size of the last state's gradient (nats), in the whole state (h, c), relative to lag 0."""
    reason: str | None = None
    """Why a number above is not finite, in a sentence; None if all are finite."""


def step_growth(layer: LayerRecord, sample: int = 0, most_steps: int | None = None) -> StepGrowth:
    """The growth of a gradient over the steps of one layer, from its last state back.

    It follows only the direct gradient of the last state. A truncation does not stop it.

    Args:
        layer: a recorded layer.
        sample: which sequence of the batch.
        most_steps: how many steps back to go; None for all. One step's Jacobian takes 8·state² bytes.

    Raises:
        ValueError: no such sample, or fewer than 1 step.

    Example:
        >>> import torch
        >>> from models import SequenceModel, record
        >>> model = SequenceModel("elman", input_size=1, hidden_size=4, output_size=1, nonlinearity="identity")
        >>> model.recurrent.weight_hh_l0.data = 0.9 * torch.eye(4)
        >>> trace = record(model, torch.zeros(50, 2, 1), lambda outputs: outputs[-1].sum())
        >>> growth = step_growth(trace.top)
        >>> print(f"{growth.gradient[-1]:.2f} of at most {growth.product[-1]:.2f} nats")  # 49 ln 0.9
        -5.16 of at most -5.16 nats
    """
    T, reverse = layer.seq_len, layer.reverse
    if not 0 <= sample < layer.batch_size:
        raise ValueError(f"sample was {sample}; this layer has samples 0 to {layer.batch_size - 1}.")
    if most_steps is not None and most_steps < 1:
        raise ValueError(f"most_steps was {most_steps}; it must be at least 1.")
    # The first step leads out of s_0, which is given: nobody asks for its gradient.
    start = 1 if most_steps is None else max(1, T - most_steps)
    lag = np.arange(T - start + 1)
    t = lag + 1 if reverse else T - lag
    if T == 1:
        zero = np.zeros(1)
        return StepGrowth(t, zero[:0], zero, zero, zero, "One timestep: no step leads back from it.")

    back = state_jacobian(layer.in_order()[start:, torch.tensor(sample)]).numpy()[::-1]
    direct = direct_at_end(layer, sample)
    step = np.array([log_spectral_norm(J) for J in back])
    with np.errstate(invalid="ignore"):  # −inf + inf of a diverged pass is NaN
        steps_apart = np.concatenate([[0.0], np.cumsum(step)])
    gradient = carried_log_norms(back, direct)
    product = product_log_norms(back[::-1], "end")
    finite = all(np.isfinite(x).all() for x in (step, product, gradient))
    return StepGrowth(t, step, steps_apart, product, gradient, None if finite else why(direct, gradient))


def direct_at_end(layer: LayerRecord, sample: int) -> Float[ndarray, " state"]:
    """The direct gradient of the layer's last whole state, (h, c) or h, but for a power of two."""
    ends = [x[0 if layer.reverse else -1] for x in layer.direct]
    scale = torch.stack([end.magnitude() for end in ends]).amax(dim=0)
    parts = [Scaled((end.parts[0].double(),), end.exponent).at(scale).parts[0][sample] for end in ends]
    return torch.cat(parts).detach().cpu().numpy()


def carried_log_norms(
    back: Float[ndarray, "step state state"], vector: Float[ndarray, " state"]
) -> Float[ndarray, " lag"]:
    """ln‖J_kᵀ ⋯ J_1ᵀ v‖ − ln‖v‖ for each lag k (nats); NaN if v is zero, and from the first Inf or NaN on."""
    out = np.full(len(back) + 1, np.nan)
    total = 0.0
    for k in range(len(back) + 1):
        size = float(np.linalg.norm(vector))
        if not np.isfinite(size) or (k == 0 and size == 0):
            break
        if size == 0:
            out[k:] = -np.inf
            break
        total += np.log(size) if k > 0 else 0.0
        out[k] = total
        if k < len(back):
            vector = back[k].T @ (vector / size)
    return out


def why(direct: Float[ndarray, " state"], gradient: Float[ndarray, " lag"]) -> str:
    """The reason why a number is not finite, in a sentence."""
    if not direct.any():
        return "The loss sends no gradient to the last state."
    if np.isnan(gradient).any():
        return "The recorded pass diverged: some Jacobians are not finite."
    return "Some Jacobians are singular: they send some gradients to exactly zero."

"""What theory says a gradient may do, to be laid over what it does."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from analysis.numbers import log_quantile
from models.trace import Trace

STEEPEST = {"tanh": 1.0, "relu": 1.0, "identity": 1.0, "sigmoid": 0.25}
"""γ: the largest |φ'| of each nonlinearity."""


def gradient_bound(
    trace: Trace, spectral_norm: float, nonlinearity: str, layer: int | None = None
) -> Float[ndarray, " time"]:
    """Upper bound on ln‖dL/dh_t‖ of an Elman layer over time (nats), the median over the batch.

    b_t = ‖direct_t‖ + γ‖W‖ b_{t+1}; with a loss at the last step only, this is ‖direct_T‖ (γ‖W‖)^(T−t), the bound of
    Pascanu et al. 2013, §2.1. ‖W‖ is the spectral norm (largest singular value), γ the steepest slope of φ.

    Raises:
        ValueError: an unknown nonlinearity.
    """
    if nonlinearity not in STEEPEST:
        raise ValueError(f"nonlinearity was {nonlinearity!r}; it must be one of {', '.join(STEEPEST)}.")
    index = trace.log_norm.shape[0] - trace.num_directions if layer is None else layer
    reverse = trace.num_directions == 2 and index % 2 == 1
    direct = trace.direct_log_norm[index].cpu().numpy()
    with np.errstate(divide="ignore"):
        log_rate = np.log(STEEPEST[nonlinearity] * spectral_norm)
    bound = np.empty_like(direct)
    carried = np.full(direct.shape[1], -np.inf)
    for t in range(len(direct)) if reverse else reversed(range(len(direct))):
        with np.errstate(invalid="ignore"):  # a diverged pass: NaN in, NaN out
            bound[t] = np.logaddexp(direct[t], carried)
        carried = bound[t] + log_rate
    return log_quantile(bound, 0.5)

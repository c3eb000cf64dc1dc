"""What each timestep adds to the gradient of an Elman network's recurrent weights.

dL/dW_hh = Σ_t δ_t h_{t-1}ᵀ,    δ_t = φ'(a_t)⊙dL/dh_t        (Pascanu et al. 2013, eq. 4)
"""

import torch
from jaxtyping import Float
from torch import Tensor

from analysis.closed_form import elman_slope
from analysis.jacobian import is_reverse, layer_index, layer_steps
from models.elman import ElmanCell
from models.sequence_model import SequenceModel
from models.trace import Trace


def contributions(model: SequenceModel, trace: Trace, layer: int | None = None) -> Float[Tensor, "time row column"]:
    """δ_t h_{t-1}ᵀ, summed over the batch, at input positions, float64: their sum over time is dL/dW_hh.

    Not rescaled: a gradient beyond 1e±308 becomes 0 or infinite here.

    Args:
        model: the one that the trace was recorded with.
        trace: a recorded pass.
        layer: index in the trace's layer axis; None for the top layer, forwards.

    Raises:
        ValueError: a cell that is not Elman's, no such layer, or a trace of another model.
    """
    index = layer_index(trace, layer)
    steps = layer_steps(model, trace, index)
    if not isinstance(steps.cell, ElmanCell):
        raise ValueError(f"model has cells {type(steps.cell).__name__}; contributions are for an Elman network.")
    total = (trace.grad_hidden[index].double() * trace.log_scale[index].exp().unsqueeze(-1)).cpu()
    reverse = is_reverse(trace, index)
    delta = (total.flip(0) if reverse else total) * elman_slope(steps)[0]
    parts = torch.einsum("tbi,tbj->tij", delta, steps.before[0])
    return parts.flip(0) if reverse else parts

"""The part that each timestep adds to the gradient of an Elman network's recurrent weights.

dL/dW_hh = Σ_t δ_t h_{t-1}ᵀ,    δ_t = φ'(a_t)⊙dL/dh_t        (Pascanu et al. 2013, eq. 4)
"""

import torch
from jaxtyping import Float
from torch import Tensor

from models.bptt.scaled import times_power_of_two
from models.cells.elman.jacobian import elman_slope
from models.cells.elman.step import ElmanCell
from models.recording.layer_record import LayerRecord


def contributions(layer: LayerRecord) -> Float[Tensor, "time row column"]:
    """δ_t h_{t-1}ᵀ, summed over the batch, at input positions, float64: their sum over time is dL/dW_hh.

    Not rescaled: a gradient beyond 1e±308 becomes 0 or infinite here.

    Args:
        layer: a recorded layer.

    Raises:
        ValueError: a cell that is not Elman's.

    Example:
        >>> import torch
        >>> from models import SequenceModel, record
        >>> model = SequenceModel("elman", input_size=1, hidden_size=4, output_size=1, nonlinearity="tanh")
        >>> trace = record(model, torch.ones(5, 2, 1), lambda outputs: outputs[-1].sum())
        >>> summed = contributions(trace.top).sum(dim=0)
        >>> torch.allclose(summed, trace.parameter_grads["recurrent.weight_hh_l0"].double(), atol=1e-6)
        True
    """
    if not isinstance(layer.cell, ElmanCell):
        raise ValueError(f"layer has cells {type(layer.cell).__name__}; contributions are for an Elman network.")
    steps = layer.in_order()
    total = layer.ordered(layer.total[0])
    delta = times_power_of_two(total.parts[0], total.exponent.unsqueeze(-1)) * elman_slope(steps)[0]
    return layer.flipped(torch.einsum("tbi,tbj->tij", delta, steps.before[0]))

"""The two conventions for a GRU's z: the share that is kept, or the share that is overwritten.

    torch:                                      h = (1−z)⊙n + z⊙h'
    Chung et al. 2014, eq. 5, and many slides:  h = z⊙n + (1−z)⊙h'

As 1 − σ(a) = σ(−a), one is the other with the sign of z's weights and biases changed.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from models.cells.gru.step import GRUCell
from models.networks.recurrent import Recurrent


def negate_z_(recurrent: Recurrent) -> None:
    """Change the sign of z's weights and biases in every layer of a GRU.

    Raises:
        ValueError: a cell that is not a GRU.
    """
    if recurrent.cell_type is not GRUCell:
        raise ValueError(f"cell was {recurrent.cell_name!r}; only a GRU has a z.")
    with torch.no_grad():
        for parameter in recurrent.parameters():
            _, of_z, _ = parameter.chunk(3)
            of_z.neg_()


@torch.no_grad()
def states(
    recurrent: Recurrent, inputs: Float[Tensor, "time batch input"], overwrites: bool = False
) -> Float[Tensor, "time batch unit"]:
    """Hidden states of a GRU's first layer, its z read as torch does or, with `overwrites`, the other way round."""
    cell = recurrent.cell(0)
    (h,) = cell.initial_state(inputs.shape[1])
    read = []
    for x_t in inputs:
        (kept,), gates = cell.step(x_t, (h,))
        h = gates["z"] * gates["n"] + (1 - gates["z"]) * h if overwrites else kept
        read.append(h)
    return torch.stack(read)

"""The routes by which a gradient comes back to the cell state of the LSTM of 1997.

dL/dc_t = u⊙direct_t + dL/dc_{t+1} + u⊙W_iᵀδ_i + u⊙W_gᵀδ_g + u⊙W_oᵀδ_o,    u = o_t⊙tanh'(c_t)
"""

import torch

from models.bptt.scaled import Scaled
from models.cells.derivatives import GatedPath, Routes
from models.cells.lstm_1997.jacobian import slopes
from models.recording.layer_record import LayerStates


def routes(steps: LayerStates, total: list[Scaled]) -> Routes:
    """The gradient that step t+1 sends back to c_t on each route, indexed by t+1, from dL/dh_{t+1} and dL/dc_{t+1}."""
    of_h, of_c = total
    (grad_h,), (grad_c,) = of_h.parts, of_c.parts
    dh, dc, dh_dc = slopes(steps)
    delta = {"i": grad_c * dc[0], "g": grad_c * dc[1], "o": grad_h * dh[2]}
    # h_t is made from c_t at step t, one before the gates that it enters.
    u = torch.cat([torch.zeros_like(dh_dc[:1]), dh_dc[:-1]])
    blocks = steps.cell.square_blocks(steps.cell.weight_hh)
    parts = {"state": grad_c} | {name: u * (delta[name] @ block) for name, block in blocks.items()}
    return {name: Scaled((part,), (of_h if name == "o" else of_c).exponent) for name, part in parts.items()}


def loss_of_cell(steps: LayerStates, direct: list[Scaled]) -> Scaled:
    """The direct gradient of c_t: the part through h_t plus the part of c_t itself."""
    of_h, of_c = direct
    return Scaled((slopes(steps)[2] * of_h.parts[0],), of_h.exponent) + of_c


GATED_PATH = GatedPath("cell_state", "1", lambda steps: torch.ones_like(steps.after[1]), routes, loss_of_cell)

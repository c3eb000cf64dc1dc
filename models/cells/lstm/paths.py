"""The routes by which a gradient comes back to the LSTM's cell state.

With δ_b = dL/da_b at t+1 and u = ∂h_t/∂c_t = o_t⊙tanh'(c_t):

    dL/dc_t = u⊙direct_t + f_{t+1}⊙dL/dc_{t+1} + u⊙W_iᵀδ_i + u⊙W_fᵀδ_f + u⊙W_gᵀδ_g + u⊙W_oᵀδ_o
"""

import torch

from models.bptt.scaled import Scaled
from models.cells.derivatives import GatedPath, Routes, preactivation
from models.cells.lstm.jacobian import forget_gate, lstm_slopes
from models.cells.nonlinearity import sigmoid_slope, tanh_slope
from models.recording.layer_record import LayerStates


def lstm_routes(steps: LayerStates, total: list[Scaled]) -> Routes:
    """The gradient that step t+1 sends back to c_t on each route, indexed by t+1, from dL/dh_{t+1} and dL/dc_{t+1}."""
    of_h, of_c = total
    (grad_h,), (grad_c,) = of_h.parts, of_c.parts
    a_i, a_f, a_g, a_o = preactivation(steps).chunk(4, dim=-1)
    tanh_c = torch.tanh(steps.after[1])
    delta = {
        "i": grad_c * steps.gates["g"] * sigmoid_slope(a_i),
        "f": grad_c * steps.before[1] * sigmoid_slope(a_f),
        "g": grad_c * torch.sigmoid(a_i) * tanh_slope(a_g),
        "o": grad_h * tanh_c * sigmoid_slope(a_o),
    }
    # h_t is made from c_t at step t, one before the gates that it enters.
    of_before = torch.cat([torch.zeros_like(tanh_c[:1]), lstm_slopes(steps)[2][:-1]])
    blocks = steps.cell.square_blocks(steps.cell.weight_hh)
    routes = {"state": forget_gate(steps) * grad_c}
    routes |= {name: of_before * (delta[name] @ block) for name, block in blocks.items()}
    return {name: Scaled((route,), (of_h if name == "o" else of_c).exponent) for name, route in routes.items()}


def loss_of_cell(steps: LayerStates, direct: list[Scaled]) -> Scaled:
    """The direct gradient of c_t: the part through h_t plus the part of c_t itself."""
    of_h, of_c = direct
    return Scaled((lstm_slopes(steps)[2] * of_h.parts[0],), of_h.exponent) + of_c


GATED_PATH = GatedPath("cell_state", "f", forget_gate, lstm_routes, loss_of_cell)

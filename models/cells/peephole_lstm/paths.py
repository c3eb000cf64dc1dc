"""The routes by which a gradient comes back to the peephole LSTM's cell state.

With δ_b = dL/da_b at t+1 and u = ∂h_t/∂c_t, including the path through o's peephole:

    dL/dc_t = u⊙direct_t + f_{t+1}⊙dL/dc_{t+1} + Σ_{b = i, f} (u⊙W_bᵀδ_b + p_b⊙δ_b) + Σ_{b = g, o} u⊙W_bᵀδ_b
"""

import torch

from models.bptt.scaled import Scaled
from models.cells.derivatives import GatedPath, Routes
from models.cells.peephole_lstm.jacobian import peephole_slopes
from models.recording.layer_record import LayerStates


def peephole_routes(steps: LayerStates, total: list[Scaled]) -> Routes:
    """The gradient that step t+1 sends back to c_t on each route, indexed by t+1, from dL/dh_{t+1} and dL/dc_{t+1}."""
    of_h, of_c = total
    (grad_h,), (grad_c,) = of_h.parts, of_c.parts
    d = peephole_slopes(steps)
    p_i, p_f, _ = steps.cell.weights["weight_peephole"]
    delta = {"i": grad_c * d.of_i, "f": grad_c * d.of_f, "g": grad_c * d.of_g, "o": grad_h * d.of_o}
    # h_t is made from c_t at step t, one before the gates that it enters.
    u = torch.cat([torch.zeros_like(d.h_of_c[:1]), d.h_of_c[:-1]])
    blocks = steps.cell.square_blocks(steps.cell.weight_hh)
    routes = {"state": d.f * grad_c} | {name: u * (delta[name] @ block) for name, block in blocks.items()}
    routes |= {"i": routes["i"] + p_i * delta["i"], "f": routes["f"] + p_f * delta["f"]}
    return {name: Scaled((route,), (of_h if name == "o" else of_c).exponent) for name, route in routes.items()}


def loss_of_cell(steps: LayerStates, direct: list[Scaled]) -> Scaled:
    """The direct gradient of c_t: the part through h_t plus the part of c_t itself."""
    of_h, of_c = direct
    return Scaled((peephole_slopes(steps).h_of_c * of_h.parts[0],), of_h.exponent) + of_c


GATED_PATH = GatedPath("cell_state", "f", lambda steps: peephole_slopes(steps).f, peephole_routes, loss_of_cell)

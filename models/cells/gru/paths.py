"""The routes by which a gradient comes back to the GRU's hidden state.

dL/dh_t = direct_t + z_{t+1}⊙dL/dh_{t+1} + the parts through a_r, a_z and a_n
"""

from models.bptt.scaled import Scaled
from models.cells.derivatives import GatedPath, Routes
from models.cells.gru.jacobian import gru_slopes
from models.recording.layer_record import LayerStates


def gru_routes(steps: LayerStates, total: list[Scaled]) -> Routes:
    """The gradient that step t+1 sends back to h_t on each route, indexed by t+1, from dL/dh_{t+1}."""
    (of_h,) = total
    (grad_h,) = of_h.parts
    W_r, W_z, W_n = steps.cell.weight_hh.chunk(3)
    d = gru_slopes(steps)
    if steps.cell.reset_after:  # type: ignore[attr-defined]
        through_r, through_n = (grad_h * d.through_r) @ W_r, (grad_h * d.through_n * d.r) @ W_n
    else:
        reset_h = (grad_h * d.through_n) @ W_n  # dL/d(r⊙h')
        through_r, through_n = (reset_h * steps.before[0] * d.of_r) @ W_r, reset_h * d.r
    routes = {"state": d.z * grad_h, "r": through_r, "z": (grad_h * d.through_z) @ W_z, "n": through_n}
    return {name: Scaled((route,), of_h.exponent) for name, route in routes.items()}


GATED_PATH = GatedPath("hidden", "z", lambda steps: gru_slopes(steps).z, gru_routes, lambda steps, direct: direct[0])

"""The routes by which a gradient comes back to a MUT's hidden state.

dL/dh_t = direct_t + (1−z_{t+1})⊙dL/dh_{t+1} + the parts through a_r, a_z and a_n
"""

from models.bptt.scaled import Scaled
from models.cells.derivatives import GatedPath, Routes
from models.cells.mut.jacobian import mut_slopes
from models.recording.layer_record import LayerStates


def mut_routes(steps: LayerStates, total: list[Scaled]) -> Routes:
    """The gradient that step t+1 sends back to h_t on each route, indexed by t+1, from dL/dh_{t+1}."""
    (of_h,) = total
    (grad_h,) = of_h.parts
    d, W = mut_slopes(steps), steps.cell.square_blocks(steps.cell.weight_hh)
    reset_h = (grad_h * d.through_n) @ W["n"]  # dL/d(r⊙h')
    routes = {"state": d.kept * grad_h, "r": (reset_h * d.of_r) @ W["r"]}
    if "z" in W:
        routes["z"] = (grad_h * d.through_z) @ W["z"] * d.entry_of_z
    routes["n"] = reset_h * d.r
    return {name: Scaled((route,), of_h.exponent) for name, route in routes.items()}


GATED_PATH = GatedPath(
    "hidden", "(1−z)", lambda steps: mut_slopes(steps).kept, mut_routes, lambda steps, direct: direct[0]
)

"""The one route by which a gradient comes back to the minGRU's state: dL/dh_t = direct_t + (1−z_{t+1})⊙dL/dh_{t+1}."""

from models.bptt.scaled import Scaled
from models.cells.derivatives import GatedPath, Routes
from models.cells.mingru.jacobian import kept
from models.recording.layer_record import LayerStates


def routes(steps: LayerStates, total: list[Scaled]) -> Routes:
    """The gradient that step t+1 sends back to h_t, indexed by t+1, from dL/dh_{t+1}."""
    (of_h,) = total
    return {"state": Scaled((kept(steps) * of_h.parts[0],), of_h.exponent)}


GATED_PATH = GatedPath("hidden", "(1−z)", kept, routes, lambda steps, direct: direct[0])

"""The lines that the profile shows besides the gradients: which cells have them, and what is said where none has."""

from collections.abc import Mapping

from jaxtyping import Float
from numpy import ndarray

from analysis.figures.profile import Rate
from analysis.figures.theme import cell_name
from dashboard.explore.panels import LARGEST_STATE_ON_PAGE
from dashboard.explore.settings import Settings
from dashboard.explore.view import View

NO_KEEP_GATE = "The forget-gate bias changes nothing here: no cell that is shown has a gate that keeps its state."
NONE_HERE = {
    "bound": "No bound is drawn: only the Elman cell, which has no gates, has this one.",
    "mean-field rate": "No mean-field rate is drawn: it is of tanh Elman networks that have not diverged.",
    "Lyapunov rate": f"No Lyapunov rate is drawn: the states have more than {LARGEST_STATE_ON_PAGE} numbers.",
}


def bounds_of(view: View) -> Mapping[str, Float[ndarray, " time"]]:
    """Cell → the upper bound on its gradient, if that is to be shown and there is one."""
    if "bound" not in view.settings.overlays:
        return {}
    return {cell: probe.bound for cell, probe in view.probes.items() if probe.bound is not None}


def rates_of(view: View) -> Mapping[str, Rate]:
    """Label → the rate, of those that are to be shown and that a cell has."""
    found = {}
    for cell, probe in view.probes.items():
        if "mean-field rate" in view.settings.overlays and probe.mean_field is not None:
            found[f"{cell_name(cell)}: mean-field rate ½ ln χ"] = Rate(cell, probe.mean_field.rate, "mean field")
        if "Lyapunov rate" in view.settings.overlays and probe.state_size <= LARGEST_STATE_ON_PAGE:
            largest = float(probe.lyapunov.exponents[0])
            found[f"{cell_name(cell)}: largest Lyapunov exponent"] = Rate(cell, largest, "Lyapunov")
    return found


def say_idle(view: View) -> str:
    """Which slider was moved and moves nothing; empty if there is none."""
    moved = view.settings.forget_bias != Settings().forget_bias
    gated = any(probe.layer.cell.keep_gate is not None for probe in view.probes.values())
    return NO_KEEP_GATE if moved and not gated and view.network is None else ""


def say_missing(view: View) -> str:
    """Which of the chosen lines no cell has, and why; empty if each has one somewhere."""
    probes = view.probes.values()
    why = {
        "bound": (p.bound for p in probes),
        "mean-field rate": (p.mean_field for p in probes),
        "Lyapunov rate": (p.state_size <= LARGEST_STATE_ON_PAGE or None for p in probes),
    }
    return " ".join(
        NONE_HERE[name] for name in view.settings.overlays if name in why and all(one is None for one in why[name])
    )

"""All runs of a sweep: each as a line through its settings to its result, and how much each setting matters."""

from collections.abc import Mapping

import numpy as np
import streamlit as st

from analysis.figures.importance import importance_picture
from analysis.figures.parallel import parallel_picture
from analysis.importance import FEWEST_RUNS, Importances, importances
from dashboard.components.show import show
from dashboard.control_names import label_within
from experiments.sweeps.index import Results
from experiments.sweeps.quantities import QUANTITIES


def show_all_runs(results: Results, value: str) -> None:
    """The two charts of a quantity over all runs."""
    quantity, values = QUANTITIES[value], results.numbers[value]
    settings = {axis: [run.values.get(axis) for run in results.plan.runs] for axis in results.plan.axes}
    named = {label_within(axis): given for axis, given in settings.items()}
    key = results.plan.name
    show(
        parallel_picture(named, quantity.label, values, log=quantity.log, diverging=quantity.diverging),
        f"sweep-runs-{key}",
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        explained = np.log10(values) if quantity.log else values
    try:
        found = _importances(settings, explained)
    except ImportError:
        st.info("The importance of settings needs the package scikit-learn. Install it where the server runs.")
        return
    if found is None:
        st.info(
            f"The importance of settings needs at least {FEWEST_RUNS} runs with different values. Run more of the "
            "sweep, or choose another quantity."
        )
        return
    show(importance_picture(found, quantity.label.split(",")[0], label_within), f"sweep-importance-{key}")


@st.cache_data(max_entries=16, show_spinner="Estimating the importance of each setting …")
def _importances(settings: Mapping[str, list[object]], values: np.ndarray) -> Importances | None:
    """Kept until a setting or a number changes."""
    return importances(settings, values)

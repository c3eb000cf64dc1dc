"""What recipes without a training measure, by name: (seeds, whether it is the short version) → values and pictures."""

from collections.abc import Callable, Sequence

from analysis.figures.picture import Picture
from experiments.recipes.expectation import Values
from experiments.recipes.measurements.cliff import measure_cliff
from experiments.recipes.measurements.doya import measure_doya
from experiments.recipes.measurements.influence_balancing import measure_influence_balancing
from experiments.recipes.measurements.latch_unit import measure_latch_unit
from experiments.recipes.measurements.lstm_cec import measure_lstm_cec
from experiments.recipes.measurements.lyapunov_theory import measure_lyapunov_theory

Measurement = Callable[[int, bool], tuple[Values, Sequence[Picture]]]

MEASUREMENTS: dict[str, Measurement] = {
    "doya": measure_doya,
    "cliff": measure_cliff,
    "influence_balancing": measure_influence_balancing,
    "latch_unit": measure_latch_unit,
    "lstm_cec": measure_lstm_cec,
    "lyapunov_theory": measure_lyapunov_theory,
}

"""The probe's results as a table for people, with its findings in lines below."""

import math
from collections.abc import Sequence

import numpy as np
from rich.markup import escape
from rich.table import Table

from analysis.cell_state import CellStateProfile
from analysis.course import course, describe_course, describe_sizes
from analysis.profile import Decay, describe_horizon
from analysis.wording import power_of_ten, significant
from experiments.config.words import cut, visible
from experiments.probing.recorded_pass import RecordedPass


def probe_table(results: Sequence[RecordedPass]) -> Table:
    """A table with one column per cell (or module of a watched network) and one row per result."""
    table = Table(title=escape(results[0].about))
    table.add_column("")
    for result in results:
        table.add_column(escape(visible(cut(result.cell))))
    columns = [figures(result) for result in results]
    for name in max(columns, key=len):  # a cell with a cell state has two rows more
        table.add_row(name, *(column.get(name, "") for column in columns))
    return table


def findings(results: Sequence[RecordedPass]) -> list[str]:
    """One line per severe finding or warning: the cell, the finding, and its numbers."""
    return [
        f"{visible(cut(result.cell))}: {finding.title}. {finding.evidence}"
        for result in results
        for finding in result.findings
        if finding.severity != "note"
    ]


def figures(result: RecordedPass) -> dict[str, str]:
    """The text of each row for one cell."""
    p, clipping, spectra = result.profile, result.clipping, result.spectra
    return {
        "loss (chance)": describe_loss(result.loss, result.chance),
        "profile, ‖dL/dh_t‖": describe_sizes(p.course),
        "its rate": describe_rate(p.decay),
        **describe_cell_state(result.cell_state),
        "below 10⁻⁷ of its largest": describe_horizon(p),
        "‖dL/dh₀‖": describe_norm(result.start_log_norm),
        "transport, from the last loss": describe_course(result.transport_course),
        "largest singular value of W_hh": " ".join(
            f"{name} {significant(s.spectral_norm)}" for name, s in spectra.items()
        )
        or "no matrix",
        "spectral radius of W_hh": " ".join(f"{name} {significant(s.spectral_radius)}" for name, s in spectra.items())
        or "no matrix",
        "‖dL/dW‖ before clipping": describe_norm(None if clipping is None else clipping.log_norm_before),
        "‖dL/dW‖ after clipping": "not clipped"
        if clipping is not None and clipping.threshold is None
        else describe_norm(None if clipping is None else clipping.log_norm_after),
        "diverged (t, sample) pairs": str(p.diverged),
    }


def describe_cell_state(c: CellStateProfile | None) -> dict[str, str]:
    """The rows of the cell state; none for a cell whose state is h_t alone."""
    if c is None:
        return {}
    by_lag = np.argsort(c.lag)
    return {
        "profile, ‖dL/dc_t‖": describe_sizes(course(c.log_norm.median[by_lag])),
        "‖c_t‖ at the loss": describe_norm(float(c.log_size.median[by_lag[0]])),
    }


def describe_norm(log_norm: float | None) -> str:
    """A norm as a power of ten, from its natural log; None if it is not known."""
    return "not logged" if log_norm is None else power_of_ten(log_norm / math.log(10))


def describe_loss(loss: float | None, chance: float | None) -> str:
    """The loss, and the loss of a guess if there is something to guess."""
    if loss is None or chance is None:
        return "not logged" if loss is None else significant(loss)
    return f"{significant(loss)} ({'nothing to guess' if math.isnan(chance) else significant(chance)})"


def describe_rate(decay: Decay) -> str:
    """The rate with its error and its lags, or the reason why there is no rate."""
    if decay.standard_error is None:
        return decay.trend
    error = f" ± {significant(decay.standard_error)}" if decay.direction else ""
    return f"{decay.trend}{error}, lags {decay.straight_from}-{decay.straight_until}"

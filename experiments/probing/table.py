"""The probe's figures as a table for people, and what is wrong in lines below it."""

import math

from rich.table import Table

from analysis.course import describe_course, describe_sizes
from analysis.profile import Decay
from analysis.wording import counted, power_of_ten, significant
from experiments.config.words import cut, visible
from experiments.probing.probe import Probe


def probe_table(results: list[Probe]) -> Table:
    """One column a cell, one row a figure."""
    table = Table(title=describe_pass(results[0]))
    table.add_column("")
    for result in results:
        table.add_column(result.experiment.config.cell)
    columns = [figures(result) for result in results]
    for name in columns[0]:
        table.add_row(name, *(column[name] for column in columns))
    return table


def describe_pass(result: Probe) -> str:
    """What was recorded, in a few words."""
    config, trained = result.experiment.config, result.trained
    what = f"{config.task}, T = {config.seq_len}"
    if result.source is not None:
        return f"{cut(visible(result.source))}: {what}, one recorded pass"
    if trained is None:
        return f"{what}, one recorded pass, seed {config.seed}"
    kept = result.top.batch_size
    of = f"the {kept} kept of {counted(trained.batch_size, 'sequence')}"
    return f"run {trained.run} at step {trained.step}: {what}, {of}"


def findings(results: list[Probe]) -> list[str]:
    """What is wrong, one line a finding that is severe or a warning: the cell, what it is, and its numbers."""
    return [
        f"{result.experiment.config.cell}: {finding.title}. {finding.evidence}"
        for result in results
        for finding in result.findings
        if finding.severity != "note"
    ]


def figures(result: Probe) -> dict[str, str]:
    """What each row says for one cell."""
    p, clipping, spectra = result.profile, result.clipping, result.spectra
    T = result.trace.seq_len
    horizon = "nowhere" if p.horizon_t is None else f"t = {p.horizon_t} (lag {p.horizon_lag} of {T - 1})"
    return {
        "loss (chance)": describe_loss(result.trace.loss_value, result.experiment.chance),
        "profile, ‖dL/dh_t‖": describe_sizes(p.course),
        "its rate": describe_rate(p.decay),
        "below 10⁻⁷ of its largest": horizon,
        "transport, from the last loss": describe_course(result.transport_course),
        "spectral norm of W_hh": " ".join(f"{name} {significant(s.spectral_norm)}" for name, s in spectra.items())
        or "no matrix",
        "spectral radius of W_hh": " ".join(f"{name} {significant(s.spectral_radius)}" for name, s in spectra.items())
        or "no matrix",
        "‖dL/dW‖ before clipping": power_of_ten(clipping.log_norm_before / math.log(10)),
        "‖dL/dW‖ after clipping": "not clipped"
        if clipping.threshold is None
        else power_of_ten(clipping.log_norm_after / math.log(10)),
        "diverged (t, sample) pairs": str(p.diverged),
    }


def describe_loss(loss: float, chance: float) -> str:
    """The loss beside what a guess scores, where there is something to guess."""
    return f"{significant(loss)} ({'nothing to guess' if math.isnan(chance) else significant(chance)})"


def describe_rate(decay: Decay) -> str:
    """The rate with its error, and the lags over which it holds; or why there is none."""
    if decay.standard_error is None:
        return decay.trend
    error = f" ± {significant(decay.standard_error)}" if decay.direction else ""
    return f"{decay.trend}{error}, lags {decay.straight_from}-{decay.straight_until}"

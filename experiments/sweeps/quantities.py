"""The quantities of a finished run or probe: one number each."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from analysis.profile import fit_decay, horizon_lag
from experiments.probing.probe import Probe
from experiments.runs.store.layout import QUANTILES
from experiments.runs.store.reader import RunReader
from experiments.sweeps.plan import Kind

Numbers = Mapping[str, float]
"""Quantity → value; NaN for a run without a value."""


@dataclass(frozen=True)
class Quantity:
    """A quantity that every run of a kind has."""

    label: str
    """Its name with its unit, for an axis."""
    sentence: str
    kinds: tuple[Kind, ...]
    diverging: bool = False
    """Whether 0 has a meaning: then colours diverge around it."""
    log: bool = False
    """Whether values span decades: then colours follow the logarithm."""


BOTH: tuple[Kind, ...] = ("probe", "run")
QUANTITIES = {
    "decay_rate": Quantity(
        "decay rate, nats per step of lag",
        "how fast ln‖dL/dh_t‖ changes with every step back from the loss: below 0 it vanishes, above 0 it explodes",
        BOTH,
        diverging=True,
    ),
    "horizon_lag": Quantity(
        "lag at which the gradient has vanished, timesteps",
        "the lag from which on ‖dL/dh_t‖ stays below 10⁻⁷ of its largest; none if it does not",
        BOTH,
    ),
    "spectral_norm": Quantity("largest singular value of W_hh", "the largest one of any block, top layer", BOTH),
    "spectral_radius": Quantity("spectral radius of W_hh", "the largest |eigenvalue| of any block, top layer", BOTH),
    "diverged": Quantity(
        "share of diverged runs",
        "1 for a run with Inf or NaN, or with a final loss of a million times a guess's; 0 for other runs",
        BOTH,
    ),
    "loss": Quantity("loss at initialisation", "the loss of the one recorded pass", ("probe",)),
    "final_loss": Quantity(
        "final loss",
        "the loss of the last evaluation on fresh sequences, or else the mean over the last tenth of the steps",
        ("run",),
        log=True,
    ),
    "loss_over_chance": Quantity(
        "loss ÷ chance", "the loss divided by the loss of a guess without memory", BOTH, log=True
    ),
    "log_norm": Quantity(
        "ln of the gradient's norm, nats", "the norm of all parameters' gradients before clipping", ("probe",)
    ),
    "largest_log_norm": Quantity(
        "ln of the largest gradient norm, nats", "the largest norm of all gradients in training, unclipped", ("run",)
    ),
    "clipped_fraction": Quantity("share of clipped steps", "how often the clip threshold was passed", BOTH),
    "solved": Quantity(
        "share of runs that solved the task", "1 for a run that solved its task, 0 for other runs", ("run",)
    ),
    "steps_to_solve": Quantity(
        "steps until the task was solved", "optimiser steps at the end of a run that solved it", ("run",), log=True
    ),
    "steps_taken": Quantity("optimiser steps taken", "optimiser steps that the run took", ("run",)),
    "seconds": Quantity("seconds of work", "the time of the pass, or of the training steps", BOTH, log=True),
}


def quantities_of(kind: Kind) -> dict[str, Quantity]:
    """The quantities of runs of a kind."""
    return {name: quantity for name, quantity in QUANTITIES.items() if kind in quantity.kinds}


def probe_numbers(result: Probe, seconds: float) -> dict[str, float]:
    """The quantities of a recorded pass."""
    p, spectra, clipping = result.profile, result.spectra.values(), result.clipping
    loss = result.trace.loss_value
    return {
        "decay_rate": known(p.decay.rate),
        "horizon_lag": known(p.horizon_lag),
        "spectral_norm": max((s.spectral_norm for s in spectra), default=math.nan),
        "spectral_radius": max((s.spectral_radius for s in spectra), default=math.nan),
        "diverged": float(p.diverged > 0 or not math.isfinite(loss)),
        "loss": loss,
        "loss_over_chance": loss / result.experiment.chance,
        "log_norm": clipping.log_norm_before,
        "clipped_fraction": float(clipping.engaged),
        "seconds": seconds,
    }


def run_numbers(run: RunReader) -> dict[str, float]:
    """The quantities of a finished training run; NaN if the run was too short for one.

    Raises:
        RunError: the run is damaged.
    """
    scalars, reason = run.scalars(), run.progress.reason
    loss = final_loss(scalars)
    by_lag = last_profile(run)[::-1]
    solved = reason == "success"
    spectral = {name: last_spectral(run, name) for name in ("spectral_norm", "spectral_radius")}
    return {
        "decay_rate": known(fit_decay(by_lag).rate),
        "horizon_lag": known(horizon_lag(by_lag)),
        **spectral,
        "diverged": float(reason in ("nonfinite", "diverged") or not math.isfinite(loss)),
        "final_loss": loss,
        "loss_over_chance": loss / run.chance,
        "largest_log_norm": largest(scalars.get("log_norm_before", np.zeros(0))),
        "clipped_fraction": float(scalars["clipped"].mean()) if "clipped" in scalars else math.nan,
        "solved": float(solved),
        "steps_to_solve": float(run.progress.step) if solved else math.nan,
        "steps_taken": float(run.progress.step),
        "seconds": run.progress.seconds,
    }


def final_loss(scalars: Mapping[str, ndarray]) -> float:
    """The last evaluation's loss, or else the mean over the last tenth of the steps; NaN without steps."""
    evaluations = scalars.get("evaluation_loss", np.zeros(0))
    where = np.flatnonzero(~np.isnan(evaluations))
    losses = scalars.get("loss", np.zeros(0))
    if len(losses) and not math.isfinite(losses[-1]):
        return float(losses[-1])  # an evaluation before the divergence says nothing of the end
    if len(where):
        return float(evaluations[where[-1]])
    return float(losses[-max(1, len(losses) // 10) :].mean()) if len(losses) else math.nan


def last_profile(run: RunReader) -> Float[ndarray, " time"]:
    """Median of ln‖dL/dh_t‖ over the batch (nats), top layer forwards, at the last recorded step; empty if none is."""
    profiles = run.tensor("log_norm_quantile")
    if not len(profiles):
        return np.zeros(0)
    return np.asarray(profiles[len(profiles) - 1][run.form.top][:, QUANTILES.index(0.5)], dtype=np.float64)


def last_spectral(run: RunReader, name: str) -> float:
    """The largest value over the top layer's blocks at the last recorded step; NaN if no step was recorded."""
    if name not in run.tensors:
        return math.nan
    values = run.tensor(name)
    return float(np.max(values[len(values) - 1][run.form.top])) if len(values) else math.nan


def largest(values: ndarray) -> float:
    """The largest finite value; NaN if there is none."""
    finite = values[np.isfinite(values)]
    return float(finite.max()) if finite.size else math.nan


def known(value: float | None) -> float:
    """The value, or NaN for None."""
    return math.nan if value is None else float(value)

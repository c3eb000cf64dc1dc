"""One recorded pass without training, and what it says."""

import math
from dataclasses import dataclass
from functools import cached_property

from analysis.clipping import Clipping, clip
from analysis.diagnosis import Finding, Subject, diagnose
from analysis.profile import Profile, profile
from analysis.spectrum import Spectrum, block_spectra
from experiments.build import Experiment, build
from experiments.config import RunConfig
from models import Trace, record


@dataclass(frozen=True, eq=False)
class Probe:
    """A configuration's recorded pass; what follows from it is computed when it is asked for."""

    experiment: Experiment
    trace: Trace

    @property
    def profile(self) -> Profile:
        """The gradient profile of the top layer."""
        return profile(self.trace)

    @property
    def spectra(self) -> dict[str, Spectrum]:
        """Block → spectrum of the top layer's recurrent matrix."""
        recurrent = self.experiment.model.recurrent
        return block_spectra(recurrent.cell(recurrent.num_layers - 1))

    @property
    def clipping(self) -> Clipping:
        """The parameter gradient before and after clipping."""
        config = self.experiment.config
        return clip(self.trace.parameter_grads, config.clip_threshold, config.clip_rule, self.trace.parameter_log_norm)

    @property
    def diagnosis(self) -> list[Finding]:
        """What is wrong, the most severe first; none for a healthy network."""
        experiment = self.experiment
        config = experiment.config
        return diagnose(
            Subject(
                cell=config.cell,
                nonlinearity=config.nonlinearity,
                trace=self.trace,
                transport=self.transport,
                dependency=experiment.task.dependency(config.seq_len),
                loss=self.trace.loss.item(),
                chance=experiment.chance,
                clipping=self.clipping,
            )
        )

    @cached_property
    def transport(self) -> Trace:
        """The same pass with the loss at the last step only, so that nothing hides what has vanished on the way."""
        experiment = self.experiment
        if (experiment.config.loss_position or experiment.task.default_loss_position) == "last":
            return self.trace
        return record(
            experiment.model,
            experiment.inputs,
            lambda outputs: experiment.task.loss(outputs, experiment.targets, "last"),
            truncate=experiment.config.truncate,
        )


def probe(config: RunConfig) -> Probe:
    """Build the network, draw a batch, and record one forward and backward pass.

    Raises:
        ConfigError: see `experiments.build.build`.
    """
    experiment = build(config)
    return Probe(experiment, record(experiment.model, experiment.inputs, experiment.loss, truncate=config.truncate))


def summary(result: Probe) -> dict[str, object]:
    """The probe's figures as plain values, for a table or JSON; numbers that are not finite become None or text.

    Norms are given as natural logs (nats) where they may leave the range of a float.
    """
    p, spectra, clipping = result.profile, result.spectra, result.clipping
    experiment = result.experiment
    return {
        "run": experiment.config.identity(),
        "config": experiment.config.model_dump(),
        "loss": plain(result.trace.loss.item()),
        "chance": experiment.chance,
        "decay_rate": plain(p.decay.rate),
        "decay_rate_standard_error": plain(p.decay.standard_error),
        "decay_factor": plain(p.decay.factor),
        "half_life": plain(p.decay.half_life),
        "straight_from_lag": p.decay.straight_from,
        "straight_until_lag": p.decay.straight_until,
        "decay_reason": p.decay.reason,
        "horizon_t": p.horizon_t,
        "horizon_lag": p.horizon_lag,
        "underflow_lag": p.underflow_lag,
        "diverged": p.diverged,
        "spectral_norm": plain(max(s.spectral_norm for s in spectra.values())),
        "spectral_radius": plain(max(s.spectral_radius for s in spectra.values())),
        "blocks": {
            name: {
                "spectral_norm": plain(s.spectral_norm),
                "spectral_radius": plain(s.spectral_radius),
                "departure_from_normality": plain(s.departure_from_normality),
            }
            for name, s in spectra.items()
        },
        "clip_rule": clipping.rule,
        "clip_threshold": clipping.threshold,
        "grad_log_norm_before": plain(clipping.log_norm_before),
        "grad_log_norm_after": plain(clipping.log_norm_after),
        "grad_cosine": plain(clipping.cosine),
        "clip_engaged": clipping.engaged,
        "findings": [
            {
                "kind": f.kind,
                "severity": f.severity,
                "evidence": f.evidence,
                "numbers": {name: plain(number) for name, number in f.numbers.items()},
                "remedy": f.remedy,
                "settings": f.settings,
            }
            for f in result.diagnosis
        ],
        "path": result.trace.path,
    }


def plain(value: float | None) -> float | str | None:
    """A number that JSON can hold: `inf`, `-inf` and `nan` as text, since JSON has no word for them."""
    return value if value is None or math.isfinite(value) else str(value)


def profile_rows(result: Probe) -> list[dict[str, object]]:
    """The whole profile, every layer and direction: one row a timestep, for a table file (log norms in nats)."""
    rows: list[dict[str, object]] = []
    for layer in range(result.trace.log_norm.shape[0]):
        p = profile(result.trace, layer)
        for k, t in enumerate(p.t):
            rows.append(
                {
                    "cell": result.experiment.config.cell,
                    "layer": layer,
                    "t": int(t),
                    "lag": int(p.lag[k]),
                    "log_norm_median": float(p.median[k]),
                    "log_norm_low": float(p.low[k]),
                    "log_norm_high": float(p.high[k]),
                    "direct_log_norm_median": float(p.direct[k]),
                }
            )
    return rows

"""One recorded pass without training, and what it says."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from analysis.clipping import Clipping, ClipRule, clip
from analysis.course import Course
from analysis.credit import Credit, credit
from analysis.diagnosis import diagnose
from analysis.finding import Finding, Subject
from analysis.gates import GateStatistics, gate_statistics
from analysis.jacobian import step_jacobians
from analysis.lyapunov import Lyapunov, lyapunov
from analysis.paths import Paths, paths
from analysis.product import ProductSpectrum, product_spectrum
from analysis.profile import Profile, profile, profile_of_sizes
from analysis.spectrum import Spectrum, block_spectra
from analysis.step_growth import StepGrowth, step_growth
from analysis.theory import MeanField, RateOverGain, gradient_bound, measured_mean_field, rate_over_gain
from analysis.transport import transport_course
from experiments.config.run_config import RunConfig
from experiments.probing.remedies import settle_remedies
from experiments.training.build import Experiment, build
from experiments.training.training import choose_path
from models import LayerRecord, Trace, direct_gradients, record


@dataclass(frozen=True, eq=False)
class TrainedStep:
    """What is known of a training's recorded step beside the pass over the sequences that were kept."""

    run: str
    """The run's name."""
    step: int
    """The optimiser step, from 1."""
    batch_size: int
    log_norm: Float[ndarray, "layer time batch"]
    """ln‖dL/dh_t‖ (nats) of every sequence of the batch, also of those that were not kept."""
    clipping: Clipping
    """Of the whole batch's gradient; its `grads` are empty."""


@dataclass(frozen=True, eq=False)
class Probe:
    """A recorded pass; what follows from it is computed when it is first asked for, and kept.

    All of it is of the top layer, forwards.
    """

    experiment: Experiment
    trace: Trace
    trained: TrainedStep | None = None
    """None for a network as its configuration makes it."""
    source: str | None = None
    """Where the weights are from: a file's name, or a run and its step; None where the configuration has drawn them."""

    @property
    def top(self) -> LayerRecord:
        """The top layer, forwards."""
        return self.trace.top

    @property
    def state_size(self) -> int:
        """How many numbers the layer's state has: its hidden units, twice as many with a cell state."""
        return self.top.state_size

    @cached_property
    def profile(self) -> Profile:
        """The gradient profile, over the whole batch."""
        return self.layer_profiles[-self.trace.num_directions]

    @cached_property
    def layer_profiles(self) -> list[Profile]:
        """The gradient profile of every layer, the first layer first."""
        if self.trained is None:
            return [profile(layer) for layer in self.trace.layers]
        return [
            profile_of_sizes(log_norm, layer.direct_log_norm.numpy(), layer.hidden.dtype, layer.reverse)
            for layer, log_norm in zip(self.trace.layers, self.trained.log_norm, strict=True)
        ]

    @cached_property
    def spectra(self) -> dict[str, Spectrum]:
        """Block → spectrum of the recurrent matrix."""
        return block_spectra(self.top.cell)

    @cached_property
    def gate_statistics(self) -> GateStatistics:
        """Saturation and time constants."""
        return gate_statistics(self.top)

    @cached_property
    def lyapunov(self) -> Lyapunov:
        """Exponents along the first sequence."""
        return lyapunov(self.top)

    @cached_property
    def product(self) -> ProductSpectrum:
        """Singular values of the product of the last 200 step Jacobians (or all) along the first sequence."""
        start = max(0, self.trace.seq_len - PRODUCT_STEPS)
        jacobians = step_jacobians(self.top, start=start)
        return product_spectrum(jacobians.matrices[:, 0])

    @cached_property
    def step_growth(self) -> StepGrowth:
        """What the last 200 steps (or all) could do to the first sequence's gradient, and what they do."""
        return step_growth(self.top, most_steps=PRODUCT_STEPS)

    @cached_property
    def credit(self) -> Credit:
        """Who would get credit for a loss at each timestep, wherever the configured loss sits."""
        task, targets = self.experiment.task, self.experiment.targets
        direct = direct_gradients(self.experiment.model, self.trace, lambda outputs: task.losses(outputs, targets))
        index = len(self.trace.layers) - self.trace.num_directions
        return credit(self.trace.stack.above(index), direct)

    @cached_property
    def paths(self) -> Paths | None:
        """Which way the gradient took; None for a cell without a gated path, and for windows, each with its own."""
        return None if self.top.cell.gated_path is None or self.top.window is not None else paths(self.top)

    @cached_property
    def bound(self) -> Float[ndarray, " time"] | None:
        """Upper bound on ln‖dL/dh_t‖ (nats); None for a gated cell, which has none so simple."""
        slope = self.top.cell.steepest_slope
        return None if slope is None else gradient_bound(self.top, self.spectra["h"].spectral_norm, slope)

    @cached_property
    def mean_field(self) -> MeanField | None:
        """What a wide random network of this gain and drive would do; None unless it is a tanh Elman, not diverged."""
        if not bool(self.trace.hidden.isfinite().all()):
            return None
        try:
            return measured_mean_field(self.top)
        except ValueError:  # another cell; or weights of 1e100, beyond what the theory's integrals take
            return None

    @cached_property
    def rate_over_gain(self) -> RateOverGain | None:
        """The mean-field rate at other gains than this network's; None where it has no mean field."""
        m = self.mean_field
        return None if m is None else rate_over_gain(np.linspace(0, max(3.0, 1.2 * m.gain), GAINS), m.input_variance)

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
            truncate_kind=experiment.config.truncate_kind,
            path=self.trace.path if self.trained else None,
        )

    @cached_property
    def clipping(self) -> Clipping:
        """The parameter gradient before and after the clipping that is configured, or was in force."""
        if self.trained is not None:
            return self.trained.clipping
        return self.clip(self.experiment.config.clip_threshold, self.experiment.config.clip_rule)

    def clip(self, threshold: float | None, rule: ClipRule = "norm") -> Clipping:
        """The parameter gradient before and after another clipping, which acts after the pass.

        Raises:
            ValueError: of a recorded step only the sizes of the parameters' gradients are known.
        """
        return clip(self.trace.parameter_grads, threshold, rule, self.trace.parameter_log_norm)

    def subject(self, clipping: Clipping) -> Subject:
        """What a diagnosis looks at."""
        config, task = self.experiment.config, self.experiment.task
        return Subject(
            trace=self.trace,
            transport=self.transport,
            dependency=task.dependency(config.seq_len),
            loss=self.trace.loss_value,
            chance=self.experiment.chance,
            trained_steps=0 if self.trained is None else self.trained.step - 1,  # it is looked at before its own update
            clipping=clipping,
        )

    @cached_property
    def transport_course(self) -> Course:
        """What becomes of the gradient that the last loss sends, over the lags that the task needs."""
        return transport_course(self.subject(self.clipping))

    def diagnose(self, clipping: Clipping) -> list[Finding]:
        """What is wrong, the most severe first; none for a healthy network. No remedy has been tried."""
        return diagnose(self.subject(clipping))

    @cached_property
    def findings(self) -> list[Finding]:
        """What is wrong under the configured clipping. No remedy has been tried."""
        return self.diagnose(self.clipping)

    @cached_property
    def diagnosis(self) -> list[Finding]:
        """The same with remedies that were tried: each takes another pass or two.

        Of given weights they are not: settings make another network, which would have to be trained.
        """
        if self.trained is not None or self.source is not None:
            return self.findings
        return settle_remedies(self.findings, self.attempt)

    def attempt(self, settings: Mapping[str, object]) -> list[Finding]:
        """What is wrong with the same configuration under some other settings.

        Raises:
            ConfigError: they cannot be set.
        """
        return probe(RunConfig.from_values({**self.experiment.config.model_dump(), **settings})).findings


GAINS = 61
"""Points of the mean-field curve: steps of .05 up to a gain of 3."""

PRODUCT_STEPS = 200
"""Factors of the Jacobian product: each takes 8 bytes times the state's size squared."""


def probe(config: RunConfig, path: str | None = None) -> Probe:
    """Build the network, draw a batch, and record one forward and backward pass.

    Args:
        config: what to build.
        path: `fast` or `reference`, see `models.record`; `settled` for the fast one wherever it can take the model, if
            it must be compiled first, so that every process takes the same.

    Raises:
        ConfigError: see `experiments.training.build.build`.

    Example:
        >>> from experiments.config.run_config import RunConfig
        >>> config = RunConfig.from_values({"task": "adding", "cell": "elman", "seq_len": 30, "hidden_size": 8})
        >>> trace = probe(config).trace
        >>> tuple(trace.hidden.shape), bool((trace.log_norm <= trace.log_norm[:, -1:]).all())
        ((1, 30, 16, 8), True)
    """
    experiment = build(config)
    path = choose_path(experiment) if path == "settled" else path
    trace = record(
        experiment.model,
        experiment.inputs,
        experiment.loss,
        truncate=config.truncate,
        truncate_kind=config.truncate_kind,
        path=path,
    )
    return Probe(experiment, trace)

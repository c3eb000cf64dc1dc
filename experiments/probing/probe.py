"""One recorded pass without training, and what it says."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from jaxtyping import Float
from numpy import ndarray

from analysis.clipping import Clipping, ClipRule, clip
from analysis.credit import Credit, credit
from analysis.finding import Finding, Subject
from analysis.profile import Profile, profile, profile_of_sizes
from analysis.wording import counted
from experiments.config.run_config import RunConfig
from experiments.config.words import cut, visible
from experiments.probing.recorded_pass import RecordedPass
from experiments.probing.remedies import settle_remedies
from experiments.training.build import Experiment, build
from experiments.training.training import choose_path
from models import Trace, direct_gradients, record


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
class Probe(RecordedPass):
    """A recorded pass of a network that a configuration describes, or that has given weights."""

    experiment: Experiment
    trace: Trace
    trained: TrainedStep | None = None
    """None for a network as its configuration makes it."""
    source: str | None = None
    """Where the weights are from: a file's name, or a run and its step; None where the configuration has drawn them."""

    @property
    def cell(self) -> str:
        """Its cell."""
        return self.experiment.config.cell

    @property
    def about(self) -> str:
        """What was recorded, in a few words."""
        config, trained = self.experiment.config, self.trained
        what = f"{config.task}, T = {config.seq_len}"
        if self.source is not None:
            return f"{cut(visible(self.source))}: {what}, one recorded pass"
        if trained is None:
            return f"{what}, one recorded pass, seed {config.seed}"
        of = f"the {self.top.batch_size} kept of {counted(trained.batch_size, 'sequence')}"
        return f"run {trained.run} at step {trained.step}: {what}, {of}"

    @property
    def origin(self) -> dict[str, object]:
        """The run or the configuration's id, the step, and the settings."""
        config, trained = self.experiment.config, self.trained
        return {
            "run": config.identity() if trained is None else trained.run,
            "step": None if trained is None else trained.step,
            "config": config.model_dump(),
        }

    @property
    def loss(self) -> float:
        """Of the pass."""
        return self.trace.loss_value

    @property
    def chance(self) -> float:
        """What a memoryless guess scores, in the loss's unit."""
        return self.experiment.chance

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
    def credit(self) -> Credit:
        """Who would get credit for a loss at each timestep, wherever the configured loss sits."""
        task, targets = self.experiment.task, self.experiment.targets
        direct = direct_gradients(self.experiment.model, self.trace, lambda outputs: task.losses(outputs, targets))
        index = len(self.trace.layers) - self.trace.num_directions
        return credit(self.trace.stack.above(index), direct)

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

    def subject(self, clipping: Clipping | None) -> Subject:
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

"""Probe a network: one recorded pass without training, and its analyses."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from jaxtyping import Float
from numpy import ndarray

from analysis.clipping import Clipping, ClipRule, clip, clipped_inside
from analysis.credit import Credit, credit
from analysis.figures.symbols import Symbols
from analysis.finding import Finding, Subject
from analysis.no_path import with_reach
from analysis.profile import Profile, profile
from experiments.config.run_config import RunConfig
from experiments.config.words import cut, shortened, visible
from experiments.errors import ConfigError
from experiments.probing.credit_by_passes import credit_by_passes
from experiments.probing.recorded_pass import RecordedPass, kept_of, profile_of_batch
from experiments.probing.remedies import settle_remedies
from experiments.probing.seen_sequence import heard_sizes, seen_sequence
from experiments.tasks.task import Lengths
from experiments.training.build import Experiment, build
from experiments.training.place import choose_path
from models import SequenceModel, Trace, direct_gradients


@dataclass(frozen=True, eq=False)
class TrainedStep:
    """Facts about a training's recorded step, besides the pass over the kept sequences."""

    run: str
    """The run's name."""
    step: int
    """The optimiser step, from 1."""
    batch_size: int
    log_norm: Mapping[str, Float[ndarray, "layer time batch"]]
    """Stack → ln‖dL/dh_t‖ (nats) of every sequence of the batch, also of those that were not kept; NaN in padding."""
    clipping: Clipping
    """The clipping of the whole batch's gradient; its `grads` are empty."""
    lengths: Lengths = None
    """Timesteps of every sequence of the batch; None if all are equal."""


@dataclass(frozen=True, eq=False)
class Probe(RecordedPass):
    """A recorded pass of a network that a configuration describes, or that has given weights."""

    experiment: Experiment
    whole: Trace
    """All stacks of the network."""
    trained: TrainedStep | None = None
    """None for a network as its configuration makes it."""
    source: str | None = None
    """The source of the weights: a file's name, or a run and its step; None if the configuration drew them."""
    stack: str | None = None
    """The stack that is looked at; None for the last, which the outputs are read from."""
    layer_index: int | None = None
    trace: Trace = field(init=False)
    """The pass with the stack that is looked at."""
    _clipped_inside: dict[float | None, Clipping] = field(default_factory=dict, init=False, repr=False)
    """Threshold → the gradient clipped inside BPTT: each takes a pass, and a page asks for it several times."""

    def __post_init__(self) -> None:
        """Take the stack out of the whole."""
        object.__setattr__(self, "trace", self.whole.only(self.stack))

    def of_stack(self, name: str | None) -> "Probe":
        """The same pass with another of the network's stacks looked at.

        Raises:
            ConfigError: the network has no such stack.
        """
        if name is not None and name not in self.whole.stacks:
            raise ConfigError(f"stack was {shortened(name)}; it must be one of {', '.join(self.whole.stacks)}.")
        return replace(self, stack=name)

    @property
    def cell(self) -> str:
        """Its cell, and the stack where the network has several."""
        cell = self.experiment.config.cell
        return cell if len(self.whole.stacks) == 1 else f"{cell} {self.looked_at}"

    @property
    def looked_at(self) -> str:
        """The name of the stack that is looked at."""
        return next(iter(self.trace.stacks))

    @property
    def each_stack(self) -> "list[Probe]":
        """The same pass once for each of the network's stacks."""
        return [self.of_stack(name) for name in self.whole.stacks]

    @property
    def about(self) -> str:
        """A few words about the recorded pass."""
        config, trained = self.experiment.config, self.trained
        what = f"{config.task}, T = {config.seq_len}"
        if self.source is not None:
            return f"{cut(visible(self.source))}: {what}, one recorded pass"
        if trained is None:
            return f"{what}, one recorded pass, seed {config.seed}"
        of = kept_of(self.layer.batch_size, trained.batch_size)
        return f"run {trained.run} at step {trained.step}: {what}, {of}"

    @property
    def origin(self) -> dict[str, object]:
        """The run or the configuration's id, the step, and the settings."""
        config, trained = self.experiment.config, self.trained
        return {
            "run": config.identity() if trained is None else trained.run,
            "step": None if trained is None else trained.step,
            "config": config.model_dump(),
            **({} if len(self.whole.stacks) == 1 else {"stack": self.looked_at}),
        }

    @property
    def loss(self) -> float:
        """The loss of the pass."""
        return self.trace.loss_value

    @property
    def chance(self) -> float:
        """The loss of a guess without memory."""
        return self.experiment.chance

    @cached_property
    def symbols(self) -> Symbols:
        """The first sequence, a symbol for every timestep of the stack that is looked at."""
        return seen_sequence(self.experiment, self.looked_at)

    @cached_property
    def heard(self) -> Float[ndarray, " time"]:
        """ln‖dL/dx_t‖ (nats) of the first sequence, of what the stack that is looked at reads."""
        sizes: ndarray = heard_sizes(self.whole, self.looked_at, self.experiment.task.input_size)[:, 0]
        return sizes

    @cached_property
    def layer_profiles(self) -> list[Profile]:
        """The gradient profile of every layer, the first layer first."""
        if self.trained is None:
            return with_reach([profile(layer) for layer in self.trace.layers], self.trace.stack)
        sizes = self.trained.log_norm[self.looked_at]
        made = [
            profile_of_batch(layer, log_norm, self.trained.lengths)
            for layer, log_norm in zip(self.trace.layers, sizes, strict=True)
        ]
        return with_reach(made, self.trace.stack)

    @cached_property
    def credit(self) -> Credit:
        """Who would get credit for a loss at each timestep, wherever the configured loss is.

        Where the sequences differ in length, it is for the loss of the first one alone.
        """
        if self.experiment.lengths is not None:
            alone = self.experiment.sequence(0)
            return Probe(alone, alone.record(self.trace.path), layer_index=self.layer_index).credit
        model, task, targets = self.experiment.model, self.experiment.task, self.experiment.targets
        if self.credit_losses or not isinstance(model, SequenceModel):
            return credit_by_passes(self.experiment, self.whole, self.stack, self.index)
        direction = self.index % self.trace.num_directions
        direct = direct_gradients(model, self.trace, lambda outputs: task.losses(outputs, targets), direction=direction)
        return credit(self.trace.stack.above(self.index), direct)

    @property
    def credit_losses(self) -> int:
        """For how many losses the credit matrix takes passes; 0 where each loss reaches its own h_t alone."""
        model = self.experiment.model
        if isinstance(model, SequenceModel):
            return 0 if model.readout.at_each_step else 1
        return len(self.whole.outputs)

    @cached_property
    def transport(self) -> Trace:
        """The same pass with the loss at the last step only, so that no other loss hides a vanished gradient."""
        experiment = self.experiment
        if (experiment.config.loss_position or experiment.task.default_loss_position) == "last":
            return self.trace
        return experiment.record(self.trace.path if self.trained else None, "last").only(self.stack)

    @cached_property
    def clipping(self) -> Clipping:
        """The parameter gradient before and after the clipping that is configured, or was in force."""
        if self.trained is not None:
            return self.trained.clipping
        return self.clip(self.experiment.config.clip_threshold, self.experiment.config.clip_rule)

    def clip(self, threshold: float | None, rule: ClipRule = "norm") -> Clipping:
        """The parameter gradient before and after another clipping; `per_step` takes a second pass.

        Raises:
            ValueError: of a recorded step only the sizes of the parameters' gradients are known.
        """
        if rule == "per_step":
            if threshold not in self._clipped_inside:
                clipped = clipped_inside(self.trace, self.clipped_pass(threshold), threshold)
                self._clipped_inside[threshold] = clipped
            return self._clipped_inside[threshold]
        return clip(self.trace.parameter_grads, threshold, rule, self.trace.parameter_log_norm)

    def clipped_pass(self, threshold: float | None) -> Trace | None:
        """The same pass with clipping inside BPTT; None without a threshold."""
        if threshold is None:
            return None
        return self.experiment.record("reference", step_threshold=threshold).only(self.stack)

    def subject(self, clipping: Clipping | None) -> Subject:
        """The subject of a diagnosis."""
        config, task = self.experiment.config, self.experiment.task
        return Subject(
            trace=self.trace,
            transport=self.transport,
            dependency=min(task.dependency(config.seq_len), self.trace.seq_len - 1),
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
        """The findings about the same configuration with changed settings.

        Raises:
            ConfigError: the settings are not possible.
        """
        other = probe(RunConfig.from_values({**self.experiment.config.model_dump(), **settings}))
        return other.of_stack(self.stack).findings


def probe(config: RunConfig, path: str | None = None) -> Probe:
    """Build the network, draw a batch, and record one forward and backward pass.

    Args:
        config: the configuration.
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
    return Probe(experiment, experiment.record(path))

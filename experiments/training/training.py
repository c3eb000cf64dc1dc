"""One optimiser step for every task and cell; a run in memory, without files.

    g_s = clip(dL/dθ of a fresh batch),   θ_{s+1} = optimiser(θ_s, g_s)

The optimiser gets the gradient of `models.record`, and a recorded step keeps the same pass.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Annotated

import torch
from annotated_types import Gt, Le
from torch import Tensor

from analysis.clipping import Clipping, clip, clipped_inside, total_log_norm
from experiments.checked import STRICT, Clock, Count, checked
from experiments.checked import Step as StepNumber
from experiments.config.largest import LARGEST
from experiments.config.run_config import RunConfig
from experiments.tasks import Targets
from experiments.tasks.next_character import NextCharacter
from experiments.training.batches import DTYPES, Batch, draw_batch, guess_loss
from experiments.training.build import Experiment, build, generators
from experiments.training.carried import Carried
from experiments.training.culprit import first_culprit, is_finite
from experiments.training.flossing import floss
from experiments.training.penalised import penalise
from experiments.training.place import choose_path, device_of
from experiments.training.schedule import seq_len_at
from experiments.training.state import Checkpoint, generator_states
from experiments.training.success import Evaluation, evaluate
from models import Trace, on_cpu, record
from models.bptt.lognorm import log_norm_of_all

OPTIMISERS: dict[str, Callable[[list[torch.nn.Parameter], float], torch.optim.Optimizer]] = {
    "sgd": lambda parameters, rate: torch.optim.SGD(parameters, rate),
    "momentum": lambda parameters, rate: torch.optim.SGD(parameters, rate, momentum=0.9),
    "adam": lambda parameters, rate: torch.optim.Adam(parameters, rate),
    "rmsprop": lambda parameters, rate: torch.optim.RMSprop(parameters, rate),
}


@dataclass(frozen=True)
class Remembered:
    """The state of a `Training` besides tensors and generators."""

    __pydantic_config__ = STRICT

    step: StepNumber
    seconds: Clock
    clipped: Count
    finite: bool
    solved: bool
    learning_rate: Annotated[float, Gt(0), Le(LARGEST)]
    clip_threshold: Annotated[float, Gt(0), Le(LARGEST)] | None


REMEMBERED = tuple(field.name for field in fields(Remembered))
OPTIMISER_STATES = {
    "sgd": (),
    "momentum": ("momentum_buffer",),
    "adam": ("step", "exp_avg", "exp_avg_sq"),
    "rmsprop": ("step", "square_avg"),
}
"""The optimiser's state for each parameter after the first step, in torch's names."""


@dataclass(frozen=True, eq=False)
class Step:
    """The results of one optimiser step."""

    scalars: dict[str, object]
    trace: Trace
    clipping: Clipping
    culprit: str | None
    """The first tensor that was not finite; None if all were finite."""
    inputs: Tensor
    """The inputs of the step's batch."""
    targets: Targets
    """The targets of the step's batch."""


class Training:
    """A run in memory, without files: the network, its optimiser, and the random generators."""

    def __init__(self, config: RunConfig, path: str | None = None) -> None:
        self.config = config
        experiment: Experiment = build(config)
        self.device = device_of(config)
        self.task, self.model = experiment.task, experiment.model.to(self.device)
        self.path = path or choose_path(experiment)
        _, data = generators(config.seed)  # from its beginning, so that the first batch is the one that Explore shows
        fresh = torch.Generator().manual_seed((config.seed * 2 + 1) % 2**63)
        self.generators = {"data": data, "evaluation": fresh}
        self.carried: Carried | None = None
        if config.start == "carried" and isinstance(self.task, NextCharacter):
            self.carried = Carried.beginning(config, self.task, data, DTYPES[config.dtype])
        self.optimiser = OPTIMISERS[config.optimiser](list(self.model.parameters()), config.learning_rate)
        self.learning_rate = config.learning_rate
        self.clip_threshold = config.clip_threshold
        self.step = 0
        self.seconds = 0.0
        self.clipped = 0
        self.finite = True
        self.solved = False

    @property
    def chance(self) -> float:
        """The loss of a guess without memory."""
        return guess_loss(self.config, self.task)

    def advance(self) -> Step:
        """Compute one batch's loss and gradients; `update` must follow, unless the step is skipped."""
        config, task = self.config, self.task
        self.step += 1
        T = seq_len_at(config, self.step, self.generators["data"])
        batch = self.next_batch(T)
        inputs, targets, lengths = batch.inputs, batch.targets, batch.lengths
        start = None if self.carried is None else [s.to(self.device) for s in self.carried.states]

        def recorded(path: str | None, step_threshold: float | None = None) -> Trace:
            return record(
                self.model,
                inputs,
                lambda outputs: task.loss(outputs, targets, config.loss_position, lengths),
                truncate=config.truncate,
                truncate_kind=config.truncate_kind,
                path=path,
                start=start,
                lengths=lengths,
                source=task.source(T),
                step_threshold=step_threshold,
            )

        trace = recorded(self.path)
        if self.carried is not None:
            self.carried = self.carried.after(trace)
        clipping, also = self.clipped_gradient(trace, inputs, recorded)
        culprit = None if is_finite(trace, clipping) else first_culprit(self.model, trace, clipping)
        scalars: dict[str, object] = {
            "step": self.step,
            "loss": trace.loss_value,
            "accuracy": task.accuracy(trace.outputs, targets, config.loss_position, lengths),
            "log_norm_before": clipping.log_norm_before,
            "log_norm_after": clipping.log_norm_after,
            "clipped": int(clipping.engaged),
            "learning_rate": self.learning_rate,
            "clip_threshold": self.clip_threshold,
            "length": len(inputs),
            **also,
        }
        self.clipped += int(clipping.engaged)
        return Step(scalars, trace, clipping, culprit, inputs, targets)

    def clipped_gradient(
        self, trace: Trace, inputs: Tensor, again: Callable[[str, float], Trace]
    ) -> tuple[Clipping, dict[str, float]]:
        """The gradient of the step, and the numbers that only some configurations record.

        It is the loss's, with Ω's beside it; in the first steps it may be that of the flossing.

        Args:
            trace: the recorded pass.
            inputs: of the batch.
            again: path, threshold → the same pass clipped inside BPTT.
        """
        config, threshold = self.config, self.clip_threshold
        if config.clip_rule == "per_step":
            clipped = None if threshold is None else again("reference", threshold)
            return clipped_inside(trace, clipped, threshold), {}
        grads, log_norms, also = trace.parameter_grads, trace.parameter_log_norm, {}
        if config.penalty_weight:
            penalised = penalise(self.model, trace, config.penalty_weight)
            grads, log_norms, also = penalised.grads, penalised.log_norms, {"penalty": penalised.omega}
        if self.step <= config.floss_steps:
            flossed = floss(self.model, inputs, config.floss_exponents)
            grads, log_norms, also = flossed.grads, flossed.log_norms, {"flossing": flossed.square}
        return clip(grads, threshold, config.clip_rule, log_norms), also

    def next_batch(self, seq_len: int) -> Batch:
        """Fresh sequences, or the next part of those that are carried on."""
        config = self.config
        if self.carried is None:
            return draw_batch(config, self.task, config.batch_size, seq_len, self.generators["data"]).to(self.device)
        assert isinstance(self.task, NextCharacter)
        return Batch(*self.task.read(self.carried.place, seq_len, DTYPES[config.dtype])).to(self.device)

    def update(self, grads: dict[str, Tensor]) -> float:
        """Take the optimiser's step; ‖Δθ‖/‖θ‖ of all parameters together.

        It is separate from `advance`, so that the weights before it can be recorded.
        """
        before = {name: parameter.detach().clone() for name, parameter in self.model.named_parameters()}
        for name, parameter in self.model.named_parameters():
            parameter.grad = grads[name]
        self.optimiser.step()
        moved = {name: parameter.detach() - before[name] for name, parameter in self.model.named_parameters()}
        sizes = (total_log_norm({name: log_norm_of_all(x) for name, x in of.items()}) for of in (moved, before))
        return torch.tensor(next(sizes) - next(sizes), dtype=torch.float64).exp().item()

    def evaluate(self) -> Evaluation:
        """Loss and accuracy on fresh sequences now."""
        evaluation = evaluate(self.config, self.task, self.model, self.generators["evaluation"])
        self.solved = self.solved or evaluation.solved
        return evaluation

    def set_learning_rate(self, rate: float) -> None:
        """Set the learning rate of the next steps."""
        self.learning_rate = rate
        for group in self.optimiser.param_groups:
            group["lr"] = rate

    def checkpoint(self) -> Checkpoint:
        """All data on which the next step depends."""
        state = self.optimiser.state_dict()
        numbers = {
            f"optimiser.{index}.{name}": value for index, of in state["state"].items() for name, value in of.items()
        }
        tensors = {name: value for name, value in numbers.items() if isinstance(value, Tensor)}
        tensors |= {f"model.{name}": parameter for name, parameter in self.model.state_dict().items()}
        if self.carried is not None:
            tensors |= {f"carried.{name}": tensor for name, tensor in self.carried.tensors().items()}
        values: dict[str, object] = {name: getattr(self, name) for name in REMEMBERED}
        return Checkpoint(on_cpu(tensors) | generator_states(self.generators), values)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Continue from a checkpoint as if the training had not stopped.

        Raises:
            ValueError: it is not a checkpoint of this run; the message is only the name of the wrong part.
        """
        remembered = checked(Remembered, checkpoint.values)
        weights, generators = checkpoint.part("model"), checkpoint.part("generator")
        same_form("model", weights, on_cpu(self.model.state_dict()))
        same_form("generator", generators, {name: g.get_state() for name, g in self.generators.items()})
        carried = checkpoint.part("carried")
        same_form("carried", carried, {} if self.carried is None else self.carried.tensors())
        kept = OPTIMISER_STATES[self.config.optimiser]
        states = optimiser_states(checkpoint.part("optimiser"), list(self.model.parameters()), kept)
        try:
            for name, state in generators.items():
                self.generators[name].set_state(state)
        except RuntimeError:  # as many bytes, and yet no state
            raise ValueError("generator") from None
        self.carried = Carried.of_tensors(carried) if carried else None
        self.model.load_state_dict(weights)
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": states})
        for name in REMEMBERED:
            setattr(self, name, getattr(remembered, name))
        self.set_learning_rate(self.learning_rate)

    @property
    def largest_checkpoint(self) -> int:
        """Upper bound on the bytes of a checkpoint: weights, two numbers of the optimiser for each, what is carried on,
        and the rest."""
        weights = sum(parameter.numel() * parameter.element_size() for parameter in self.model.parameters())
        carried = {} if self.carried is None else self.carried.tensors()
        return 3 * weights + sum(tensor.numel() * tensor.element_size() for tensor in carried.values()) + 2**20


def same_form(what: str, given: dict[str, Tensor], wanted: Mapping[str, Tensor]) -> None:
    """Raise an error unless both have the same names, and tensors of the same shapes and types.

    Raises:
        ValueError: they differ; the message is the name.
    """
    for name in [*wanted, *given]:
        one, other = given.get(name), wanted.get(name)
        if one is None or other is None or one.shape != other.shape or one.dtype != other.dtype:
            raise ValueError(f"{what}.{name}")


def optimiser_states(
    given: dict[str, Tensor], parameters: list[torch.nn.Parameter], kept: tuple[str, ...]
) -> dict[int, dict[str, Tensor]]:
    """Parameter's number → what the optimiser keeps of it; empty before the first step.

    Args:
        given: `NUMBER.NAME` → tensor.
        parameters: of the model, in the optimiser's order.
        kept: names of what the optimiser keeps of each; `step` is a number, the others have the parameter's shape.

    Raises:
        ValueError: it is not what this optimiser keeps of these parameters.
    """
    count = torch.zeros(())
    wanted = {f"{k}.{name}": count if name == "step" else p.detach() for k, p in enumerate(parameters) for name in kept}
    if not given:
        return {}
    same_form("optimiser", given, wanted)
    return {k: {name: given[f"{k}.{name}"] for name in kept} for k in range(len(parameters))}

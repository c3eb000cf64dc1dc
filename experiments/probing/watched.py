"""A recorded step of a user's own training, analysed like any recorded pass."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float, Int64
from numpy import ndarray
from torch import Tensor

from analysis.clipping import Clipping
from analysis.credit import Credit, credit
from analysis.finding import Finding, Subject
from analysis.last_loss import last_loss_only
from analysis.no_path import with_reach
from analysis.profile import Profile
from experiments.config.words import cut, visible
from experiments.probing.recorded import recorded_probe
from experiments.probing.recorded_pass import RecordedPass, kept_of, profile_of_batch
from experiments.runs.store.layers import layer_records, length_at, row_of
from experiments.runs.store.reader import RunReader
from models import Trace
from models.bptt.stack_pass import side_by_side


@dataclass(frozen=True, eq=False)
class WatchedStep(RecordedPass):
    """One module of a watched network at one step. Where its sequences differ in length, `trace` has the first one."""

    run: str
    """The run's name."""
    title: str
    module: str
    step: int
    trace: Trace
    log_norm: Float[ndarray, "layer time batch"]
    """ln‖dL/dh_t‖ (nats) of every sequence of the batch, also of those that were not kept; NaN in padding."""
    lengths: Int64[Tensor, " batch"]
    logged: Mapping[str, float]
    """The numbers that the training logged at the step."""
    layer_index: int | None = None

    @property
    def cell(self) -> str:
        """The module's name, or its cell where it is the network itself."""
        return self.module or self.layer.cell.words.label

    @property
    def about(self) -> str:
        """A few words about the recorded pass."""
        of = kept_of(self.layer.batch_size, len(self.lengths))
        return f"run {self.run} at step {self.step}: {visible(cut(self.title))}, T = {self.trace.seq_len}, {of}"

    @property
    def origin(self) -> dict[str, object]:
        """The run, the step, and the module in the place of a configuration."""
        return {"run": self.run, "step": self.step, "config": None, "module": self.module}

    @property
    def loss(self) -> float | None:
        """The logged loss."""
        return self.logged.get("loss")

    @property
    def chance(self) -> None:
        """None: no task is known."""
        return None

    @property
    def clipping(self) -> Clipping | None:
        """The whole network's gradient before and after `clip_grad_norm_`, if its norm and threshold were logged."""
        norm, threshold = self.logged.get("grad_norm", math.nan), self.logged.get("clip", math.nan)
        if not (norm > 0 and threshold > 0):
            return None
        before, after = math.log(norm), math.log(min(norm, threshold))
        name = "the whole network"
        return Clipping("norm", threshold, {}, before, after, 1.0, {name: before}, {name: after})

    @cached_property
    def layer_profiles(self) -> list[Profile]:
        """The gradient profile of every layer over the whole batch, its sequences moved to end together."""
        made = [
            profile_of_batch(layer, log_norm, self.lengths)
            for layer, log_norm in zip(self.trace.layers, self.log_norm, strict=True)
        ]
        return made if len({*self.lengths.tolist()}) > 1 else with_reach(made, self.trace.stack)

    @cached_property
    def credit(self) -> Credit:
        """Who gets credit for what the loss sends to each timestep, as it was trained."""
        above = self.trace.stack.above(self.index)
        direct = self.trace.direct_grad_hidden[-self.trace.num_directions :]
        return credit(above, direct[self.index % self.trace.num_directions])

    @cached_property
    def transport(self) -> Trace:
        """The same pass with the loss at the last step only, so that no other loss hides a vanished gradient."""
        return last_loss_only(self.trace)

    def subject(self, clipping: Clipping | None) -> Subject:
        """The subject of a diagnosis."""
        return Subject(
            trace=self.trace,
            transport=self.transport,
            dependency=self.trace.seq_len - 1,
            loss=None,  # what a good one is, nobody knows
            chance=None,
            clipping=clipping,
        )

    @property
    def diagnosis(self) -> list[Finding]:
        """The findings. No remedy has been tried, since another network would have to be trained."""
        return self.findings


def recorded_pass(run: RunReader, step: int | None = None) -> RecordedPass:
    """A recorded step of any run; of a watched network the module that is looked at, see `RunReader.of`.

    Raises:
        RunError, ConfigError: see `recorded_probe` and `watched_step`.
    """
    return watched_step(run, step) if run.form.watched else recorded_probe(run, step)


def recorded_passes(run: RunReader, step: int | None = None, module: str | None = None) -> list[RecordedPass]:
    """The same of every module that the step has reached, or of the one that is named.

    Raises:
        RunError: see `recorded_pass`; or the step has reached none of them.
    """
    if module is not None or len(run.forms) == 1:
        return [recorded_pass(run if module is None else run.of(module), step)]
    row = row_of(run, step)
    views = [run.of(name) for name in run.forms]
    reached = [view for view in views if int(view.tensor("length")[row])] or views[:1]
    return [recorded_pass(view, step) for view in reached]


def watched_step(run: RunReader, step: int | None = None) -> WatchedStep:
    """The pass of a watched training's recorded step; nothing of it is computed anew.

    Args:
        run: an open run, with the module that is looked at.
        step: the step, from 1; None for the last that is recorded.

    Raises:
        RunError: the step is not recorded, has not reached the module, or the run does not keep all that an analysis
            needs.
        DamagedRunError: a chunk is missing or damaged.
    """
    stack = layer_records(run, step)
    if stack.layers[0].lengths is not None:
        stack = stack.sequence(0)
    row, module = row_of(run, step), next(iter(run.form.stacks))
    number, length = int(run.tensor("step")[row]), length_at(run, row)
    lengths = torch.from_numpy(run.tensor("lengths")[row]).long()
    there = torch.nonzero(lengths).flatten()
    sizes = run.tensor("parameter_log_norm_before")[row].tolist()
    trace = Trace(
        stacks={module: stack},
        outputs=side_by_side([layer.hidden for layer in stack.layers[-stack.num_directions :]]),
        loss=None,
        parameter_grads={},
        parameter_log_norm=dict(zip(run.form.weights, sizes, strict=True)),
        path=run.path,
    )
    return WatchedStep(
        run=run.name,
        title=run.title,
        module=module,
        step=number,
        trace=trace,
        log_norm=run.tensor("log_norm")[row, :, :length][:, :, there.numpy()].astype(float),
        lengths=lengths[there],
        logged=logged_at(run, number),
    )


def logged_at(run: RunReader, step: int) -> dict[str, float]:
    """Name → the number that the training logged at a step; empty if it logged none."""
    scalars = run.scalars()
    place = np.flatnonzero(scalars.get("step", np.zeros(0)) == step)
    return {name: float(values[place[-1]]) for name, values in scalars.items()} if len(place) else {}

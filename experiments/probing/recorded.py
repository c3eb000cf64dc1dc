"""A recorded step of a training, analysed like the pass of a configuration."""

import math

import torch
from torch import Tensor

from analysis.clipping import Clipping, cosine_of_scaling, total_log_norm
from experiments.config.run_config import RunConfig
from experiments.config.words import LONGEST_PATH, shortened
from experiments.errors import ConfigError
from experiments.probing.probe import Probe, TrainedStep
from experiments.runs.opening import config_of
from experiments.runs.store.errors import DamagedRunError
from experiments.runs.store.layers import layer_records, length_at, lengths_at, row_of, weights_at
from experiments.runs.store.reader import RunReader
from experiments.tasks import Task, make_task
from experiments.training.batches import DTYPES
from experiments.training.build import Experiment, empty_model
from models import Trace
from models.networks.network import Network


def recorded_probe(run: RunReader, step: int | None = None) -> Probe:
    """Load the pass of a recorded step over the kept sequences; nothing is computed again.

    Args:
        run: an open run.
        step: the optimiser step, from 1; None for the last that is recorded.

    Raises:
        RunError: the step is not recorded, or the run does not keep all that an analysis needs.
        ConfigError: the task's text cannot be read here.
        DamagedRunError: a chunk is missing or damaged.
    """
    looked_at = next(iter(run.form.stacks))
    run = run.of(next(iter(run.forms)))  # its first stack has the loss, the targets and all weights
    row, length = row_of(run, step), length_at(run, row_of(run, step))
    config = config_of(run)
    shorter = config.model_copy(update={"seq_len": config.seq_len - run.form.timesteps + length})
    task = make_task(config)
    model = model_at(run, config, task, weights_at(run, step))
    stacks = {name: layer_records(run.of(name), step) for name in model.stacks}
    inputs = inputs_at(run, row, length) if model.needs_picture else model.inputs_of(stacks)
    targets = targets_at(run, row, task.answers(shorter.seq_len), task.costless)
    with torch.no_grad():
        outputs, attention = model.answer(stacks, inputs)
    number = int(run.tensor("step")[row])
    clipping = clipping_at(run, config, number, row)
    trace = Trace(
        stacks=stacks,
        outputs=outputs,
        loss=torch.tensor(run.tensor("loss")[row]),
        parameter_grads={},
        parameter_log_norm=clipping.parameter_log_norm_before,
        path=run.path,
        attention=attention,
    )
    log_norm = {
        name: run.of(name).tensor("log_norm")[row, :, : stack.top.seq_len].astype(float)
        for name, stack in stacks.items()
    }
    trained = TrainedStep(run.name, number, run.form.batch_size, log_norm, clipping, lengths_at(run, row, length))
    kept = next(iter(stacks.values())).top.lengths
    return Probe(Experiment(shorter, task, model, inputs, targets, kept), trace, trained, stack=looked_at)


def inputs_at(run: RunReader, row: int, length: int) -> Tensor:
    """The whole network's inputs for the kept sequences: a picture, and then `length` words."""
    whole = run.form.whole
    assert whole is not None
    source = whole.timesteps - run.form.timesteps
    return torch.from_numpy(run.tensor("whole_inputs")[row])[: source + length]


def targets_at(run: RunReader, row: int, length: int, costless: int | None) -> Tensor:
    """The targets of the kept sequences; `costless` ones need no output.

    Raises:
        DamagedRunError: a class that the network has no output for.
    """
    targets = torch.from_numpy(run.tensor("targets")[row])
    targets = targets if targets.ndim == 1 else targets[:length]
    classes = outputs_of(run)
    allowed = (targets >= 0) & (targets < classes)
    if costless is not None:
        allowed |= targets == costless
    if not targets.is_floating_point() and not bool(allowed.all()):
        raise DamagedRunError(f"'targets' in {str(run.folder)!r} names a class that is not one of the {classes}.")
    return targets


def outputs_of(run: RunReader) -> int:
    """Numbers in the network's outputs."""
    weights = run.form.weights
    return weights.get("readout.bias", weights.get("readout.output.bias", [0]))[0]


def model_at(run: RunReader, config: RunConfig, task: Task, weights: dict[str, Tensor]) -> Network:
    """The network with these weights.

    Raises:
        ConfigError: the task's text or data have another number of inputs here than the run's had, or the task was
            defined otherwise when the run was recorded.
    """
    sizes = [task.input_size, task.output_size]
    *_, first = run.forms  # the stack that reads the inputs stands last
    recorded = [run.of(first).form.input_size, outputs_of(run)]
    if sizes != recorded and config.task != "next_character" and config.data_file is None:
        raise ConfigError(
            f"run {run.name} learned task={config.task} with {recorded[1]} outputs, as it was defined earlier, and it "
            f"has {sizes[1]} now; train it again to look into its steps."
        )
    if sizes != recorded:
        field, file = ("text_file", config.text_file) if config.data_file is None else ("data_file", config.data_file)
        raise ConfigError(
            f"{field} was {shortened(file, LONGEST_PATH)}, which has {sizes[0]} inputs here; it must be the one that "
            f"run {run.name} learned, with {recorded[0]}."
        )
    model = empty_model(config, task.input_size, task.output_size, torch.Generator(), DTYPES[config.dtype])
    model.load_state_dict(weights)
    return model


def clipping_at(run: RunReader, config: RunConfig, step: int, row: int) -> Clipping:
    """The clipping of the whole batch's gradient at a step; only the norms of the gradients are known."""
    names = list(run.form.weights)
    before, after = (
        dict(zip(names, run.tensor(f"parameter_log_norm_{when}")[row].tolist(), strict=True))
        for when in ("before", "after")
    )
    totals = total_log_norm(before), total_log_norm(after)
    same_direction = (
        math.nan if config.clip_rule in ("value", "per_step") else cosine_of_scaling(before, after, *totals)
    )
    return Clipping(config.clip_rule, threshold_at(run, config, step), {}, *totals, same_direction, before, after)


def threshold_at(run: RunReader, config: RunConfig, step: int) -> float | None:
    """The clip threshold that was in force at a step: the last one set by hand before it, or the configured one."""
    threshold = config.clip_threshold
    for event in run.events():
        if event["kind"] == "clip_threshold" and event["step"] < step:
            new = event.get("new")
            threshold = float(new) if isinstance(new, int | float) and new > 0 else None
    return threshold

"""What the folder of a run that a configuration decides says of itself: its form, its title, and the rest."""

import time
from dataclasses import asdict
from functools import lru_cache

import numpy as np
import torch
from numpy import ndarray

from experiments.config.limits import readable
from experiments.config.run_config import RunConfig
from experiments.config.words import bare, shortened
from experiments.errors import ConfigError
from experiments.runs.store.description import Lockstep
from experiments.runs.store.form import Form, Keeps, StackForm, TargetDtype, TargetForm
from experiments.runs.store.layout import LARGEST_ROW, MEANINGS, layout_of
from experiments.runs.store.progress import FORMAT
from experiments.tasks import Task, make_task
from experiments.training.build import cell_options
from experiments.training.training import Training

STACK = "recurrent"
"""Name of a SequenceModel's recurrent module."""


@lru_cache(maxsize=64)
def form_of(config: RunConfig, input_size: int, output_size: int, keeps: Keeps | None = None) -> Form:
    """What a run of the configuration records.

    The text of a task that learns one is not read, as only the two sizes depend on it: a stranger's configuration may
    name any file.

    Args:
        config: of the run.
        input_size: of the network.
        output_size: of the network.
        keeps: what a recorded step has; None for as much as the kept units allow.

    Raises:
        ConfigError: units or samples that are not there, or a recorded step that takes too much.
    """
    task = make_task(config.model_copy(update={"text_file": "hello"}))
    units = chosen("record_units", config.record_units, config.hidden_size)
    samples = chosen("record_samples", config.record_samples, config.batch_size)
    directions = 2 if config.bidirectional else 1
    stack = StackForm(config.cell, input_size, config.hidden_size, config.num_layers, directions, cell_options(config))
    form = Form(
        stacks={STACK: stack},
        steps=config.steps,
        record_every=config.record_every,
        timesteps=task.length(config.seq_len),
        batch_size=config.batch_size,
        samples=samples.tolist(),
        units=units.tolist(),
        dtype=config.dtype,
        truncate=config.truncate,
        truncate_kind=config.truncate_kind,
        weights=weight_shapes(stack, output_size),
        targets=target_form(task, config),
        keeps=keeps or ("layers" if len(units) == config.hidden_size else "weights"),
        axes=dict(MEANINGS),
    )
    size = layout_of(form).row_bytes
    if size > LARGEST_ROW:
        were = f"record_units was {bare(config.record_units)} and record_samples {bare(config.record_samples)}"
        raise ConfigError(
            f"{were}, which make a recorded step of {readable(size)}; it must be at most {readable(LARGEST_ROW)}, so "
            "keep fewer of them."
        )
    return form


def describe(training: Training, form: Form, lockstep: Lockstep | None = None) -> dict[str, object]:
    """What `config.json` holds: enough to read the run without its task, and to go on with it."""
    config = training.config
    return {
        "format": FORMAT,
        "id": config.identity(),
        "kind": "configuration",
        "title": title_of(config),
        "form": asdict(form),
        "created": time.time(),
        "config": config.model_dump(),
        "path": training.path,
        "chance": training.chance,
        "timesteps": training.task.length(config.seq_len),
        "parameters": sum(p.numel() for p in training.model.parameters()),
        "torch": torch.__version__,
        **({} if lockstep is None else {"lockstep": asdict(lockstep)}),
        "arrays": sorted(layout_of(form).specs),
    }


def title_of(config: RunConfig) -> str:
    """What a run of the configuration is, in a few words."""
    return f"{config.task}, {config.cell}, {config.seq_len} timesteps"


def weight_shapes(stack: StackForm, output_size: int) -> dict[str, list[int]]:
    """Parameter of a SequenceModel, in the order of `named_parameters` → its shape."""
    shapes = {
        f"{STACK}.{name}_{suffix}": list(shape)
        for k, suffix in enumerate(stack.suffixes)
        for name, shape in stack.shapes(k // stack.num_directions).items()
    }
    features = stack.hidden_size * stack.num_directions
    return shapes | {"readout.weight": [output_size, features], "readout.bias": [output_size]}


def target_form(task: Task, config: RunConfig) -> TargetForm:
    """Whether the task has one target per sequence or one per timestep, and their type."""
    _, targets = task.sample(1, 1, torch.Generator(), getattr(torch, config.dtype))
    return TargetForm("sequence" if targets.ndim == 1 else "timestep", TARGET_DTYPES[targets.dtype])


TARGET_DTYPES: dict[torch.dtype, TargetDtype] = {
    torch.float32: "float32", torch.float64: "float64", torch.int64: "int64",
}  # fmt: skip


def chosen(field: str, wanted: int | str | None, size: int) -> ndarray:
    """Indices below `size`: so many spread evenly, those listed, or all.

    Raises:
        ConfigError: an index that is not there.
    """
    if wanted is None:
        return np.arange(size)
    if isinstance(wanted, int):
        return np.unique(np.linspace(0, size - 1, min(wanted, size)).round().astype(np.int64))
    indices = np.array(sorted({int(text) for text in wanted.split(",") if text}), dtype=np.int64)
    if indices[-1] >= size:
        raise ConfigError(f"{field} was {shortened(wanted)}; it must be indices below {size}.")
    return indices

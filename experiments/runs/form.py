"""The description of a configured run for its folder: its form, its title, and the rest of `config.json`."""

import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import lru_cache

import numpy as np
import torch
from numpy import ndarray

from experiments.config.limits import readable
from experiments.config.run_config import RunConfig
from experiments.config.wiring import check_wiring
from experiments.config.words import bare, cut, shortened
from experiments.errors import ConfigError
from experiments.runs.store.description import Lockstep
from experiments.runs.store.form import Form, Keeps, StackForm, TargetDtype, TargetForm, WholeForm
from experiments.runs.store.layout import LARGEST_ROW, MEANINGS, PICTURE_MEANINGS, layout_of
from experiments.runs.store.progress import FORMAT
from experiments.tasks import Task, make_task
from experiments.training.build import cell_options, empty_model
from experiments.training.training import Training
from models.networks.recurrent import Recurrent


def form_of(config: RunConfig, input_size: int, output_size: int, keeps: Keeps | None = None) -> Form:
    """The first of `forms_of`: it has the loss, the targets and all weights."""
    return forms_of(config, input_size, output_size, keeps)[0]


@lru_cache(maxsize=64)
def forms_of(config: RunConfig, input_size: int, output_size: int, keeps: Keeps | None = None) -> tuple[Form, ...]:
    """The forms of a run of the configuration: first of the stack below the outputs, then of all other stacks.

    The file of a task that learns one is not read, as only the two sizes depend on it: a stranger's configuration may
    name any file.

    Args:
        config: of the run.
        input_size: of the network.
        output_size: of the network.
        keeps: what a recorded step has; None for as much as the kept units allow.

    Raises:
        ConfigError: a network that does not go with the settings, units or samples that are not there, or a recorded
            step that takes too much.
    """
    task = make_task(config.model_copy(update={"text_file": "hello", "data_file": None, "data_column": None}))
    check_wiring(config, task)
    units = chosen("record_units", config.record_units, config.hidden_size)
    samples = chosen("record_samples", config.record_samples, config.batch_size)
    with torch.device("meta"):  # sizes without memory
        model = empty_model(config, input_size, output_size, torch.Generator("cpu"), torch.float32)
    whole = {name: list(p.shape) for name, p in model.named_parameters()}
    length, source = task.length(config.seq_len), task.source(config.seq_len)
    parts = dict(zip(model.stacks, model.parts(length, source), strict=True))
    (name, top), *others = reversed(model.stacks.items())
    form = Form(
        stacks={name: stack_form(config, top)},
        steps=config.steps,
        record_every=config.record_every,
        timesteps=parts[name],
        batch_size=config.batch_size,
        samples=samples.tolist(),
        units=units.tolist(),
        dtype=config.dtype,
        truncate=config.truncate,
        truncate_kind=config.truncate_kind,
        weights=whole,
        targets=target_form(task, config),
        unequal=config.seq_len_schedule == "mixed",
        whole=WholeForm(length, input_size) if model.needs_picture else None,
        keeps=keeps or ("layers" if len(units) == config.hidden_size else "weights"),
        axes=dict(PICTURE_MEANINGS if model.needs_picture else MEANINGS),
    )
    forms = (
        form,
        *(
            replace(
                form,
                stacks={other: stack_form(config, recurrent)},
                timesteps=parts[other],
                weights={weight: shape for weight, shape in whole.items() if weight.startswith(f"{other}.")},
                targets=None,
                whole=None,
            )
            for other, recurrent in others
        ),
    )
    size = layout_of(form, forms[1:]).row_bytes
    if size > LARGEST_ROW:
        were = f"record_units was {bare(config.record_units)} and record_samples {bare(config.record_samples)}"
        raise ConfigError(
            f"{were}, which make a recorded step of {readable(size)}; it must be at most {readable(LARGEST_ROW)}, so "
            "keep fewer of them."
        )
    return forms


def stack_form(config: RunConfig, recurrent: Recurrent) -> StackForm:
    """One recurrent module of the configuration's network."""
    sizes = (recurrent.input_size, recurrent.hidden_size, recurrent.num_layers, recurrent.num_directions)
    return StackForm(config.cell, *sizes, cell_options(config))


def describe(training: Training, forms: Sequence[Form], lockstep: Lockstep | None = None) -> dict[str, object]:
    """The content of `config.json`: enough to read the run without its task, and to continue it."""
    config = training.config
    form, *others = forms
    return {
        "format": FORMAT,
        "id": config.identity(),
        "kind": "configuration",
        "title": title_of(config),
        "form": asdict(form),
        **({"others": [asdict(other) for other in others]} if others else {}),
        "created": time.time(),
        "config": config.model_dump(),
        "path": training.path,
        "chance": training.chance,
        "timesteps": training.task.length(config.seq_len),
        "parameters": sum(p.numel() for p in training.model.parameters()),
        "torch": torch.__version__,
        **({} if lockstep is None else {"lockstep": asdict(lockstep)}),
        "arrays": sorted(layout_of(form, others).specs),
    }


def title_of(config: RunConfig) -> str:
    """A few words about a run of the configuration."""
    wired = "" if config.network == "sequence" else f" {config.network}"
    return f"{cut(config.task, 120)}, {config.cell}{wired}, {config.seq_len} timesteps"


def target_form(task: Task, config: RunConfig) -> TargetForm:
    """Whether the task has one target per sequence or one per timestep, their type, and the numbers of each."""
    _, targets = task.sample(1, 1, torch.Generator(), getattr(torch, config.dtype))
    values = targets.shape[1] if targets.ndim == 3 else None
    return TargetForm("sequence" if targets.ndim == 1 else "timestep", TARGET_DTYPES[targets.dtype], values)


TARGET_DTYPES: dict[torch.dtype, TargetDtype] = {
    torch.float32: "float32", torch.float64: "float64", torch.int64: "int64",
}  # fmt: skip


def chosen(field: str, wanted: int | str | None, size: int) -> ndarray:
    """Indices below `size`: a number of them, spread evenly; those listed; or all.

    Raises:
        ConfigError: an index is too large.
    """
    if wanted is None:
        return np.arange(size)
    if isinstance(wanted, int):
        return np.unique(np.linspace(0, size - 1, min(wanted, size)).round().astype(np.int64))
    indices = np.array(sorted({int(text) for text in wanted.split(",") if text}), dtype=np.int64)
    if indices[-1] >= size:
        raise ConfigError(f"{field} was {shortened(wanted)}; it must be indices below {size}.")
    return indices

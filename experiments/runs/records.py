"""What a recorded step keeps: the arrays of a run folder, and their row made from a trace."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from math import ceil, prod

import numpy as np
import torch
from numpy import ndarray
from torch import Tensor

from analysis.clipping import Clipping
from analysis.gates import CLOSED, OPEN, is_signed
from analysis.numbers import log_quantile
from experiments.config.limits import readable
from experiments.config.run_config import RunConfig
from experiments.config.words import bare, shortened
from experiments.errors import ConfigError
from experiments.runs.store.chunks import ArraySpec
from experiments.tasks import Task, make_task
from models import SequenceModel, Trace

QUANTILES = (0.1, 0.5, 0.9)
LARGEST_ROW = 2**29
"""Bytes that one recorded step may take on the disk."""


@dataclass(frozen=True)
class Layout:
    """Names and sizes of a run's axes, and its arrays."""

    specs: dict[str, ArraySpec]
    """Arrays with a row a recorded step."""
    coordinates: dict[str, ndarray]
    """Axis → its values: `time` 1 … T, `unit` and `sample` the indices that are kept."""
    attributes: dict[str, object]
    """Names along `layer`, `gate`, `block`, `parameter` and `quantile`, in order."""

    @cached_property
    def every_spec(self) -> dict[str, ArraySpec]:
        """All arrays: those with a row a recorded step, and those of the axes, which are one chunk each."""
        axes = {name: ArraySpec(v.shape, (name,), str(v.dtype), len(v)) for name, v in self.coordinates.items()}
        return {**self.specs, **axes}

    @property
    def units(self) -> ndarray:
        """Indices of the units whose states are kept."""
        return self.coordinates["unit"]

    @property
    def samples(self) -> ndarray:
        """Indices of the sequences whose states are kept."""
        return self.coordinates["sample"]


def record_count(config: RunConfig) -> int:
    """Recorded steps of a whole run: steps 1, 1 + record_every, 1 + 2 record_every, …"""
    return ceil(config.steps / config.record_every)


def is_recorded(config: RunConfig, step: int) -> bool:
    """Whether the step (from 1) is recorded."""
    return (step - 1) % config.record_every == 0


def layout(config: RunConfig, task: Task, model: SequenceModel) -> Layout:
    """The arrays of a run.

    Raises:
        ConfigError: units or samples that are not there, or a recorded step that takes too much.
    """
    recurrent = model.recurrent
    units = chosen("record_units", config.record_units, config.hidden_size)
    samples = chosen("record_samples", config.record_samples, config.batch_size)
    layers = [recurrent.suffix(l, d)[1:] for l in range(recurrent.num_layers) for d in range(recurrent.num_directions)]
    gates, blocks = recurrent.cell_type.gate_names, recurrent.cell_type.recurrent_blocks
    parameters = [name for name, _ in model.named_parameters()]
    sizes = {
        "step": record_count(config),
        "time": task.length(config.seq_len),
        "layer": len(layers),
        "batch": config.batch_size,
        "quantile": len(QUANTILES),
        "sample": len(samples),
        "unit": len(units),
        "gate": len(gates),
        "block": len(blocks),
        "index": config.hidden_size,
        "part": 2,
        "parameter": len(parameters),
    }
    states = "step layer time sample unit"
    forms = {
        "step": ("step", "int64"),
        "length": ("step", "int32"),
        "loss": ("step", "float64"),
        "accuracy": ("step", "float64"),
        "seconds": ("step", "float64"),
        "log_norm": ("step layer time batch", "float32"),
        "log_norm_quantile": ("step layer time quantile", "float32"),
        "hidden": (states, config.dtype),
        "parameter_log_norm_before": ("step parameter", "float64"),
        "parameter_log_norm_after": ("step parameter", "float64"),
    }
    if blocks:
        forms |= {
            "spectral_norm": ("step layer block", "float64"),
            "spectral_radius": ("step layer block", "float64"),
            "singular_values": ("step layer block index", "float64"),
            "eigenvalues": ("step layer block index part", "float64"),
        }
    if "cell_state" in recurrent.cell_type.state_names:
        forms["cell_state"] = (states, config.dtype)
    if gates:
        forms["gates"] = ("step gate layer time sample unit", config.dtype)
        forms |= {f"gate_{name}": ("step gate layer", "float32") for name in ("mean", "closed", "open")}
    specs = {
        name: ArraySpec.of(tuple(sizes[d] for d in dimensions.split()), tuple(dimensions.split()), dtype)
        for name, (dimensions, dtype) in forms.items()
    }
    row = sum(prod(spec.shape[1:]) * np.dtype(spec.dtype).itemsize for spec in specs.values())
    if row > LARGEST_ROW:
        were = f"record_units was {bare(config.record_units)} and record_samples {bare(config.record_samples)}"
        raise ConfigError(
            f"{were}, which make a recorded step of {readable(row)}; it must be at most {readable(LARGEST_ROW)}, so "
            "keep fewer of them."
        )
    coordinates = {"time": np.arange(1, sizes["time"] + 1), "unit": units, "sample": samples}
    attributes = {
        "layer": layers,
        "gate": list(gates),
        "block": list(blocks),
        "parameter": parameters,
        "quantile": list(QUANTILES),
        "part": ["real", "imaginary"],
    }
    return Layout(specs, coordinates, attributes)


@lru_cache(maxsize=64)
def implied_layout(config: RunConfig) -> Layout:
    """The arrays that a run of this configuration has: what a folder that says so is held to.

    The text of a task that learns one is not read, as the arrays do not depend on it: a stranger's configuration may
    name any file.

    Raises:
        ConfigError: as for `layout`.
    """
    task = make_task(config.model_copy(update={"text_file": "hello"}))
    # one unit, as only the parameters' names are looked at
    model = SequenceModel(config.cell, 1, 1, 1, config.num_layers, config.bidirectional, generator=torch.Generator())
    return layout(config, task, model)


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


def row(plan: Layout, trace: Trace, clipping: Clipping, scalars: dict[str, object]) -> dict[str, ndarray]:
    """One recorded step: array → its row, but for `seconds` and what `later` has."""
    log_norm = trace.log_norm.numpy()
    made = {name: np.asarray(scalars[name]) for name in ("step", "length", "loss", "accuracy")}
    made["log_norm"] = log_norm
    made["log_norm_quantile"] = quantiles(log_norm)
    made["hidden"] = kept(trace.hidden, plan)
    if trace.cell_state is not None:
        made["cell_state"] = kept(trace.cell_state, plan)
    if trace.gates:
        made["gates"] = np.stack([kept(gate, plan) for gate in trace.gates.values()])
        statistics = np.stack(
            [saturation(gate, is_signed(trace.top.cell, name)) for name, gate in trace.gates.items()]
        )  # [gate, 3, layer]
        made["gate_mean"], made["gate_closed"], made["gate_open"] = statistics.transpose(1, 0, 2)
    made["parameter_log_norm_before"] = np.array([*clipping.parameter_log_norm_before.values()])
    made["parameter_log_norm_after"] = np.array([*clipping.parameter_log_norm_after.values()])
    return made


def later(model: SequenceModel) -> Callable[[], dict[str, ndarray]]:
    """What gives the rest of the row, from the weights as they are now: it may be called while they change, elsewhere.

    Eigenvalues take as long as a small network's step, and no later step needs them.
    """
    return partial(spectra, recurrent_blocks(model)) if model.recurrent.cell_type.recurrent_blocks else dict


def quantiles(log_norm: ndarray) -> ndarray:
    """[layer, time, quantile] of [layer, time, batch], each as `analysis.numbers.log_quantile` has it."""
    if np.isnan(log_norm).any():
        return np.stack([log_quantile(log_norm, q) for q in QUANTILES], axis=-1)
    order = np.sort(log_norm, axis=-1)  # once for all: this is done at every recorded step
    return order[..., [round(q * (order.shape[-1] - 1)) for q in QUANTILES]]


def kept(values: Tensor, plan: Layout) -> ndarray:
    """The chosen samples and units of [layer, time, batch, unit]."""
    array: ndarray = values.numpy()
    return array[:, :, plan.samples][..., plan.units]


def saturation(gate: Tensor, signed: bool) -> ndarray:
    """[3, layer]: a gate's mean, share below .1 and share above .9 (candidates at (1 + g)/2, as `analysis.gates`)."""
    low, high = (2 * CLOSED - 1, 2 * OPEN - 1) if signed else (CLOSED, OPEN)
    values = gate.numpy()
    mean = gate.mean(dim=(1, 2, 3)).numpy()  # three times as fast as numpy's
    share = np.array([[np.count_nonzero(v < low), np.count_nonzero(v > high)] for v in values]).T / values[0].size
    return np.stack([mean, *(share + np.where(np.isnan(mean), np.nan, 0))])


def recurrent_blocks(model: SequenceModel) -> Tensor:
    """A copy of each layer's and direction's recurrent blocks, [layer, block, unit, unit]."""
    named = model.recurrent.named_parameters()
    layers = [model.recurrent.cell_type.square_blocks(w.detach()) for n, w in named if n.startswith("weight_hh")]
    return torch.stack([torch.stack([*blocks.values()]) for blocks in layers])


def spectra(W: Tensor) -> dict[str, ndarray]:
    """Spectral norm and radius, singular values and eigenvalues of each block, largest first; NaN if not finite.

    The same numbers as `analysis.spectrum`, in float64, of all blocks in two calls: torch's threads are then the only
    ones, and torch lets other Python threads run meanwhile.
    """
    W = W.double()
    if W.isfinite().all():
        singular_values = torch.linalg.svdvals(W).numpy()
        eigenvalues = torch.linalg.eigvals(W).numpy()
        order = np.argsort(-np.abs(eigenvalues), axis=-1, kind="stable")
        eigenvalues = np.take_along_axis(eigenvalues, order, axis=-1)
    else:
        singular_values = np.full(W.shape[:-1], np.nan)
        eigenvalues = singular_values + 1j * np.nan
    return {
        "spectral_norm": singular_values[..., 0],
        "spectral_radius": np.abs(eigenvalues[..., 0]),
        "singular_values": singular_values,
        "eigenvalues": np.stack([eigenvalues.real, eigenvalues.imag], axis=-1),
    }

"""The arrays of a run folder, which follow from its `config.json`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod

import numpy as np
from numpy import ndarray

from experiments.runs.store.chunks import ArraySpec
from experiments.runs.store.form import Form

QUANTILES = (0.1, 0.5, 0.9)
MEDIAN = QUANTILES.index(0.5)
LARGEST_ROW = 2**29
"""Most bytes of one recorded step on the disk."""

MEANINGS = {
    "step": "recorded optimiser step; the array step has its number, from 1",
    "time": "timestep t from 1, at input positions in both directions",
    "layer": "layer and direction, as torch names them",
    "batch": "sequence of the batch",
    "quantile": "quantile over the batch",
    "sample": "sequence of the batch whose states are kept",
    "unit": "hidden unit whose states are kept",
    "input": "input channel",
    "gate": "gate, in torch's order",
    "block": "row block of the recurrent matrix, in torch's order",
    "parameter": "parameter, in torch's names",
    "weight": "number in the weights, parameter after parameter",
    "gradient": "of h_t (and c_t) directly, then in total",
    "state": "part of the state: h, and c where the cell has one",
    "value": "number of a target that has several, such as x and y",
}
"""Axis → what it means; those of a second module end in `_2`, of a third in `_3`, …"""
PICTURE_MEANINGS = {
    **MEANINGS,
    "whole": "timestep of the whole network's inputs: the places of a picture, then the words",
    "channel": "channel of the whole network's inputs",
}
"""The same for a network that reads a picture."""
WATCHED_MEANINGS = {
    **MEANINGS,
    "upper": "layer above the first",
    "feature": "output of the layer below, both directions side by side",
}
"""The same for a watched module."""
SHARED = ("step", "seconds")
"""Arrays that the modules of a run have in common."""


@dataclass(frozen=True)
class Layout:
    """Names and sizes of a run's axes, and its arrays."""

    specs: dict[str, ArraySpec]
    """Arrays with one row per recorded step."""
    coordinates: dict[str, ndarray]
    """Axis → its values: `time` 1 … T, `unit` and `sample` the indices that are kept."""
    attributes: dict[str, object]
    """Names along `layer`, `gate`, `block`, `parameter`, `quantile`, …, in order."""

    @cached_property
    def every_spec(self) -> dict[str, ArraySpec]:
        """All arrays: those with one row per recorded step, and those of the axes, which have one chunk each."""
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

    @property
    def row_bytes(self) -> int:
        """Bytes of one recorded step."""
        return sum(prod(spec.shape[1:]) * np.dtype(spec.dtype).itemsize for spec in self.specs.values())


def ending(index: int) -> str:
    """The ending of the names of a module's arrays and axes: empty for the first module, `_2` for the second, …"""
    return f"_{index + 1}" if index else ""


def layout_of(form: Form, others: Sequence[Form] = ()) -> Layout:
    """The arrays of a run.

    Args:
        form: of its first module.
        others: of the other modules, whose arrays and axes have an ending, see `ending`.
    """
    made = layout_of_module(form)
    for k, other in enumerate(others, start=1):
        own, end = layout_of_module(other), ending(k)
        for name, spec in own.specs.items():
            if name not in SHARED:
                axes = tuple(axis if axis == "step" else axis + end for axis in spec.dimensions)
                made.specs[name + end] = replace(spec, dimensions=axes)
        made.coordinates.update({axis + end: values for axis, values in own.coordinates.items()})
        made.attributes.update({axis + end: names for axis, names in own.attributes.items()})
    return made


def layout_of_module(form: Form) -> Layout:
    """The arrays of one module, under their own names."""
    stack, cell = form.stack, form.stack.cell_type
    names: dict[str, list[object]] = {
        "layer": [*stack.suffixes],
        "gate": [*cell.gate_names],
        "block": [*cell.recurrent_blocks],
        "parameter": [*form.weights],
        "quantile": [*QUANTILES],
    }
    if form.keeps == "quantiles":
        names["part"] = ["real", "imaginary"]
    else:
        names["gradient"] = [f"{which}_{part}" for which in ("direct", "total") for part in cell.state_names]
        names["state"] = [*cell.state_names]
    sizes = {
        "step": form.record_count,
        "time": form.timesteps,
        "batch": form.batch_size,
        "sample": len(form.samples),
        "unit": len(form.units),
        "index": stack.hidden_size,
        "input": stack.input_size,
        "whole": 0 if form.whole is None else form.whole.timesteps,
        "channel": form.input_size,
        "weight": form.weight_count,
        "upper": stack.num_layers - 1,
        "feature": stack.num_directions * stack.state_sizes[0],
        "value": (form.targets and form.targets.values) or 0,
        **{axis: len(values) for axis, values in names.items()},
    }
    specs = {
        name: ArraySpec.of(tuple(sizes[d] for d in dimensions.split()), tuple(dimensions.split()), dtype)
        for name, (dimensions, dtype) in forms(form).items()
    }
    coordinates = {
        "time": np.arange(1, form.timesteps + 1),
        "unit": np.array(form.units),
        "sample": np.array(form.samples),
    }
    return Layout(specs, coordinates, dict[str, object](names))


def forms(form: Form) -> dict[str, tuple[str, str]]:
    """Array → its axes and its type."""
    cell, states = form.stack.cell_type, "step layer time sample unit"
    made = {
        "step": ("step", "int64"),
        "length": ("step", "int32"),
        "seconds": ("step", "float64"),
        "log_norm": ("step layer time batch", "float32"),
        "log_norm_quantile": ("step layer time quantile", "float32"),
        "hidden": (states, form.dtype),
        "parameter_log_norm_before": ("step parameter", "float64"),
    }
    if form.watched or form.unequal:
        made["lengths"] = ("step batch", "int32")
    if not form.watched:
        made |= {
            "loss": ("step", "float64"),
            "accuracy": ("step", "float64"),
            "parameter_log_norm_after": ("step parameter", "float64"),
        }
    if cell.recurrent_blocks:
        made |= dict.fromkeys(("spectral_norm", "spectral_radius"), ("step layer block", "float64"))
    if "cell_state" in cell.state_names:
        made["cell_state"] = (states, form.dtype)
    if cell.gate_names:
        made["gates"] = ("step gate layer time sample unit", form.dtype)
    if form.keeps == "quantiles":
        made |= (
            {}
            if not cell.recurrent_blocks
            else {
                "singular_values": ("step layer block index", "float64"),
                "eigenvalues": ("step layer block index part", "float64"),
            }
        )
        if cell.gate_names:
            made |= {f"gate_{name}": ("step gate layer", "float32") for name in ("mean", "closed", "open")}
        return made
    made["weights"] = ("step weight", form.dtype)
    if form.keeps == "layers":
        made |= {
            "inputs": ("step time sample input", form.dtype),
            "start_states": ("step state layer sample unit", form.dtype),
            "gradients": ("step gradient layer time sample unit", form.dtype),
            "gradient_exponents": ("step gradient layer time sample", "int64"),
            "gradient_log_norms": ("step gradient layer time sample", "float64"),
            "start_gradients": ("step state layer sample unit", form.dtype),
            "start_gradient_exponents": ("step state layer sample", "int64"),
        }
        if form.watched and form.stack.num_layers > 1:
            made["upper_inputs"] = ("step upper time sample feature", form.dtype)
        if form.whole is not None:
            made["whole_inputs"] = ("step whole sample channel", form.dtype)
        if form.targets is not None:
            values = "" if form.targets.values is None else "value "
            per = f"time {values}sample" if form.targets.per == "timestep" else "sample"
            made["targets"] = (f"step {per}", form.targets.dtype)
    return made

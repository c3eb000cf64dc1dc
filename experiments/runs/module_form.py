"""The forms of a run of watched modules, which follow from their first recorded step."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch

from experiments.checked import MOST_STEPS
from experiments.config.limits import readable
from experiments.runs.store.errors import RecordingError
from experiments.runs.store.form import Form, StackForm
from experiments.runs.store.layout import LARGEST_ROW, WATCHED_MEANINGS, layout_of
from models.cells.cell import Cell
from models.cells.lstm.projection import ProjectedLSTMCell
from models.cells.registry import CELLS
from models.recording.trace import Trace

MOST_RECORDED = 2**16
"""Recorded steps that a run has room for: nobody says how many there will be."""


@dataclass(frozen=True)
class Wanted:
    """The data that a run keeps."""

    every: int
    """One step of so many is recorded."""
    units: int | None = None
    """Hidden units whose states are kept; None for all."""
    timesteps: int | None = None
    """Room for so many; None for as many as the first recorded step has."""
    samples: int | None = None
    """Sequences whose states are kept; None for the first one."""


def module_forms(traces: Mapping[str, Trace], wanted: Wanted) -> dict[str, Form]:
    """The form of each module of a run, from the traces of its first recorded step.

    Raises:
        RecordingError: a step would take too much of the disk; the sentence says what to choose.
    """
    forms = {name: module_form(name, trace, wanted) for name, trace in traces.items()}
    size = step_bytes(forms)
    if size > LARGEST_ROW:
        raise RecordingError(
            f"a recorded step would take {readable(size)}, and at most {readable(LARGEST_ROW)} are allowed; "
            f"{what_fits(traces, wanted)}."
        )
    return forms


def step_bytes(forms: Mapping[str, Form]) -> int:
    """Bytes of one recorded step."""
    first, *others = forms.values()
    return layout_of(first, others).row_bytes


def what_fits(traces: Mapping[str, Trace], wanted: Wanted) -> str:
    """Settings for a smaller recorded step, in a few words."""

    def fits(samples: int, units: int | None) -> bool:
        less = replace(wanted, samples=samples, units=units)
        return step_bytes({name: module_form(name, trace, less) for name, trace in traces.items()}) <= LARGEST_ROW

    for samples in reversed(range(1, wanted.samples or 1)):
        if fits(samples, wanted.units):
            return f"watch(..., samples={samples}) fits"
    largest = max(trace.top.cell.state_sizes[-1] for trace in traces.values())
    units = next((2**k for k in reversed(range(largest.bit_length())) if fits(1, 2**k)), None)
    return "watch it on shorter sequences" if units is None else f"watch(..., samples=1, units={units}) fits"


def module_form(name: str, trace: Trace, wanted: Wanted) -> Form:
    """The form of one module of a run, from the trace of its first recorded step."""
    layers, cell, D = trace.layers, trace.top.cell, trace.num_directions
    *_, size = cell.state_sizes
    stack = StackForm(
        cell=cell_name(cell),
        input_size=layers[0].inputs.shape[-1],
        hidden_size=size,
        num_layers=len(layers) // D,
        num_directions=D,
        options={option: getattr(cell, option) for option in cell.option_names},
        projection=cell.hidden_size if isinstance(cell, ProjectedLSTMCell) else None,
    )
    batch_size = layers[0].batch_size
    return Form(
        stacks={name: stack},
        steps=MOST_STEPS,
        record_every=wanted.every,
        timesteps=wanted.timesteps or trace.seq_len,
        batch_size=batch_size,
        samples=list(range(min(wanted.samples or 1, batch_size))),
        units=list(range(min(wanted.units or size, size))),
        dtype="float64" if layers[0].hidden.dtype == torch.float64 else "float32",
        weights={
            f"{name}.{parameter}_{suffix}": list(shape)
            for k, suffix in enumerate(stack.suffixes)
            for parameter, shape in stack.shapes(k // D).items()
        },
        keeps="layers" if wanted.units is None or wanted.units >= size else "weights",
        watched=True,
        most_recorded=MOST_RECORDED,
        axes=dict(WATCHED_MEANINGS),
    )


def cell_name(cell: Cell) -> str:
    """The cell's name in the registry; an LSTM with a projection is an `lstm`."""
    if isinstance(cell, ProjectedLSTMCell):
        return "lstm"
    return next(name for name, kind in CELLS.items() if kind is type(cell))

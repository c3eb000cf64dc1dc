"""A recorded step of somebody's own module: what its run holds of it, and the rows of the arrays, from a trace."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from numpy import ndarray
from torch import Tensor

from experiments.checked import MOST_STEPS
from experiments.runs.records import layer_rows, quantiles, spectral_rows
from experiments.runs.store.chunks import FILL
from experiments.runs.store.form import Form, StackForm
from experiments.runs.store.layout import WATCHED_MEANINGS, layout_of_module
from models.bptt.scaled import Scaled
from models.cells.cell import Cell
from models.cells.lstm.projection import ProjectedLSTMCell
from models.cells.registry import CELLS
from models.recording.layer_record import LayerRecord
from models.recording.trace import Trace

MOST_RECORDED = 2**16
"""Recorded steps that a run has room for: nobody says how many there will be."""


def module_form(
    name: str, trace: Trace, every: int, units: int | None, timesteps: int | None, samples: int | None
) -> Form:
    """What a run records of a module, by its first trace.

    Args:
        name: of the module.
        trace: of its first recorded step, whose sizes the run makes room for.
        every: one step of so many is recorded.
        units: hidden units whose states are kept; None for all.
        timesteps: room for so many; None for as many as the trace has.
        samples: sequences whose states are kept; None for the first one.
    """
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
        record_every=every,
        timesteps=timesteps or trace.seq_len,
        batch_size=batch_size,
        samples=list(range(min(samples or 1, batch_size))),
        units=list(range(min(units or size, size))),
        dtype="float64" if layers[0].hidden.dtype == torch.float64 else "float32",
        weights={
            f"{name}.{parameter}_{suffix}": list(shape)
            for k, suffix in enumerate(stack.suffixes)
            for parameter, shape in stack.shapes(k // D).items()
        },
        keeps="layers" if units is None or units >= size else "weights",
        watched=True,
        most_recorded=MOST_RECORDED,
        axes=dict(WATCHED_MEANINGS),
    )


def cell_name(cell: Cell) -> str:
    """The cell's name in the registry; an LSTM with a projection is an `lstm`."""
    if isinstance(cell, ProjectedLSTMCell):
        return "lstm"
    return next(name for name, kind in CELLS.items() if kind is type(cell))


def module_row(form: Form, trace: Trace) -> dict[str, ndarray]:
    """A row of every array of the module but `step`, `seconds` and what `module_spectra` has.

    Args:
        form: as `module_form` gives it.
        trace: of the module, now; it may have other numbers of timesteps and sequences than the run has room for. Of
            longer sequences the last timesteps are kept, of more sequences the first ones.
    """
    layers = [last_steps(layer, form.timesteps) for layer in trace.layers]
    T, B = layers[0].seq_len, min(layers[0].batch_size, form.batch_size)
    samples = torch.tensor([s for s in form.samples if s < B])
    lengths = np.full(B, T) if layers[0].lengths is None else layers[0].lengths[:B].cpu().numpy()
    ended_together = np.stack([plain(layer.ended_together(layer.log_norm)[:, :B]) for layer in layers])
    made = {
        "length": np.asarray(T),
        "lengths": lengths,
        "log_norm": np.stack([plain(layer.log_norm[:, :B]) for layer in layers]),
        "log_norm_quantile": quantiles(ended_together),
        "parameter_log_norm_before": np.array(parameter_sizes(form, trace)),
        "weights": np.concatenate([plain(w).ravel() for layer in layers for w in layer.cell.weights.values()]),
    }
    for part, name in enumerate(form.stack.cell_type.state_names):
        made[name] = np.stack([kept(layer.after[part], samples, form) for layer in layers])
    if layers[0].gates:
        made["gates"] = np.stack(
            [np.stack([kept(layer.gates[gate], samples, form) for layer in layers]) for gate in layers[0].gates]
        )
    if form.keeps == "layers":
        made |= layer_rows(layers, samples)
        made["inputs"] = plain(layers[0].inputs[:, samples])
        if form.stack.num_layers > 1:
            above = layers[form.stack.num_directions :: form.stack.num_directions]
            made["upper_inputs"] = np.stack([plain(layer.inputs[:, samples]) for layer in above])
    return made


def empty_row(form: Form) -> dict[str, ndarray]:
    """The same for a step that has not reached the module; it stands for the spectra, too."""
    specs = layout_of_module(form).specs
    return {
        name: np.full((0,) * (len(spec.shape) - 1), FILL[spec.dtype], spec.dtype)
        for name, spec in specs.items()
        if name not in ("step", "seconds")
    }


def module_spectra(form: Form, trace: Trace) -> Callable[[], dict[str, ndarray]]:
    """What gives the rows of the recurrent matrices' spectra: it may be called later, elsewhere."""
    if not form.stack.cell_type.recurrent_blocks:
        return dict
    return partial(spectral_rows, form, [layer.cell.with_weights(lambda w: w.cpu()) for layer in trace.layers])


def parameter_sizes(form: Form, trace: Trace) -> list[float]:
    """ln‖dL/dW‖ (nats) of each parameter in the form's order; NaN for a bias that the module does not have."""
    known = trace.parameter_log_norm
    of_run = [parameter.lstrip(".") for parameter in form.weights]
    # a single cell's parameters have no number of their layer
    return [known.get(key, known.get(key.removesuffix("_l0"), float("nan"))) for key in of_run]


def last_steps(layer: LayerRecord, count: int) -> LayerRecord:
    """The record without what came before the last timesteps, which its start state and its gradient stand for."""
    first = layer.seq_len - count
    if first <= 0:
        return layer

    def of_gradients(parts: Sequence[Scaled]) -> tuple[Scaled, ...]:
        return tuple(Scaled((x.parts[0][first:],), x.exponent[first:]) for x in parts)

    return replace(
        layer,
        inputs=layer.inputs[first:],
        before=tuple(s[first:] for s in layer.before),
        after=tuple(s[first:] for s in layer.after),
        gates={name: gate[first:] for name, gate in layer.gates.items()},
        lengths=None if layer.lengths is None else (layer.lengths - first).clamp(min=0),
        direct=of_gradients(layer.direct),
        total=of_gradients(layer.total),
        log_norm=layer.log_norm[first:],
        direct_log_norm=layer.direct_log_norm[first:],
        grad_start=layer.grad_start if layer.reverse else gradient_before(layer, first),
    )


def gradient_before(layer: LayerRecord, t: int) -> tuple[Scaled, ...]:
    """What comes back through the step at position t to the state before it: [batch, unit] of h, and of c."""
    at, run = layer.adjoint[t], layer.in_float64()
    with torch.inference_mode(False), torch.enable_grad():
        before = tuple(s[t].clone().requires_grad_() for s in run.before)
        after, _ = run.cell.step(run.inputs[t], before)
        grads = torch.autograd.grad(after, before, at.parts, materialize_grads=True)
    return tuple(Scaled((grad,), at.exponent).held(at.exponent, layer.hidden.dtype) for grad in grads)


def kept(values: Tensor, samples: Tensor, form: Form) -> ndarray:
    """The chosen sequences and units of [time, batch, unit]."""
    units = [unit for unit in form.units if unit < values.shape[-1]]
    return plain(values[:, samples][..., units])


def plain(values: Tensor) -> ndarray:
    """The numbers, wherever the tensor is."""
    array: ndarray = values.detach().cpu().numpy()
    return array

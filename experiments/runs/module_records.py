"""A recorded step of somebody's own module: the rows of its run's arrays, from a trace."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from numpy import ndarray
from torch import Tensor

from experiments.runs.records import layer_rows, quantiles, spectral_rows
from experiments.runs.store.chunks import FILL
from experiments.runs.store.form import Form
from experiments.runs.store.layout import layout_of_module
from models.bptt.scaled import Scaled
from models.recording.layer_record import LayerRecord
from models.recording.trace import Trace


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
    ended_together = np.stack([as_numpy(layer.ended_together(layer.log_norm)[:, :B]) for layer in layers])
    made = {
        "length": np.asarray(T),
        "lengths": lengths,
        "log_norm": np.stack([as_numpy(layer.log_norm[:, :B]) for layer in layers]),
        "log_norm_quantile": quantiles(ended_together),
        "parameter_log_norm_before": np.array(parameter_sizes(form, trace)),
        "weights": np.concatenate([as_numpy(w).ravel() for layer in layers for w in layer.cell.weights.values()]),
    }
    for part, name in enumerate(form.stack.cell_type.state_names):
        made[name] = np.stack([kept(layer.after[part], samples, form) for layer in layers])
    if layers[0].gates:
        made["gates"] = np.stack(
            [np.stack([kept(layer.gates[gate], samples, form) for layer in layers]) for gate in layers[0].gates]
        )
    if form.keeps == "layers":
        made |= layer_rows(layers, samples)
        made["inputs"] = as_numpy(layers[0].inputs[:, samples])
        if form.stack.num_layers > 1:
            above = layers[form.stack.num_directions :: form.stack.num_directions]
            made["upper_inputs"] = np.stack([as_numpy(layer.inputs[:, samples]) for layer in above])
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
    """A function that computes the rows of the recurrent matrices' spectra; another thread may call it later."""
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
    """The gradient of the state before position t, through the step at t: [batch, unit] for h, and for c."""
    at, run = layer.adjoint[t], layer.in_float64()
    with torch.inference_mode(False), torch.enable_grad():
        before = tuple(s[t].clone().requires_grad_() for s in run.before)
        after, _ = run.cell.step(run.inputs[t], before)
        grads = torch.autograd.grad(after, before, at.parts, materialize_grads=True)
    return tuple(Scaled((grad,), at.exponent).held(at.exponent, layer.hidden.dtype) for grad in grads)


def kept(values: Tensor, samples: Tensor, form: Form) -> ndarray:
    """The chosen sequences and units of [time, batch, unit]."""
    units = [unit for unit in form.units if unit < values.shape[-1]]
    return as_numpy(values[:, samples][..., units])


def as_numpy(values: Tensor) -> ndarray:
    """The numbers of a tensor on any device."""
    array: ndarray = values.detach().cpu().numpy()
    return array

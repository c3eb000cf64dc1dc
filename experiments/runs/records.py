"""A recorded step: the rows of a run folder's arrays, made from a trace."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from numpy import ndarray
from torch import Tensor

from analysis.gates import gate_statistics
from analysis.numbers import log_quantiles
from analysis.spectrum import block_spectra
from experiments.runs.store.form import Form
from experiments.runs.store.layout import QUANTILES, ending
from experiments.training.training import Step
from models import LayerRecord, on_cpu
from models.bptt.scaled import scaled_log_norm
from models.cells.cell import Cell
from models.networks.network import Network


def is_recorded(form: Form, step: int) -> bool:
    """Whether the step (from 1) is recorded."""
    return (step - 1) % form.record_every == 0


def row(forms: Sequence[Form], step: Step, model: Network) -> dict[str, ndarray]:
    """One recorded step: array → its row, but for `seconds` and what `later` has."""
    made = {"step": np.asarray(step.scalars["step"])}
    step = step if step.inputs.is_cpu else on_cpu(step)
    for k, form in enumerate(forms):
        made |= {name + ending(k): values for name, values in stack_row(form, step, model).items()}
    return made


def stack_row(form: Form, step: Step, model: Network) -> dict[str, ndarray]:
    """The rows of one stack's arrays, under their own names."""
    trace, clipping = step.trace.only(next(iter(form.stacks))), step.clipping
    log_norm, samples = trace.log_norm.numpy(), torch.tensor(form.samples)
    made = {name: np.asarray(step.scalars[name]) for name in ("loss", "accuracy")}
    made["length"] = np.asarray(trace.seq_len)
    made["log_norm"] = log_norm
    made["log_norm_quantile"] = quantiles(log_norm)
    if form.unequal:
        layers = trace.layers
        whole = torch.full((log_norm.shape[2],), trace.seq_len)
        made["lengths"] = (whole if layers[0].lengths is None else layers[0].lengths).numpy()
        made["log_norm_quantile"] = quantiles(np.stack([layer.ended_together(layer.log_norm) for layer in layers]))
    made["hidden"] = kept(trace.hidden, form)
    if trace.cell_state is not None:
        made["cell_state"] = kept(trace.cell_state, form)
    if trace.gates:
        made["gates"] = np.stack([kept(gate, form) for gate in trace.gates.values()])
        if form.keeps == "quantiles":
            made |= gate_rows(trace.layers)
    for when, sizes in (
        ("before", clipping.parameter_log_norm_before),
        ("after", clipping.parameter_log_norm_after),
    ):
        made[f"parameter_log_norm_{when}"] = np.array([sizes[name] for name in form.weights])
    if form.keeps != "quantiles":
        weights = dict(model.named_parameters())
        made["weights"] = torch.cat([weights[name].detach().flatten().cpu() for name in form.weights]).numpy()
    if form.keeps == "layers":
        made |= layer_rows(trace.layers, samples)
        made["inputs"] = trace.inputs[:, samples].numpy()
        if form.whole is not None:
            made["whole_inputs"] = step.inputs[:, samples].numpy()
        if form.targets is not None:
            made["targets"] = step.targets[..., samples].numpy()
    return made


def layer_rows(layers: Sequence[LayerRecord], samples: Tensor) -> dict[str, ndarray]:
    """The parts of a `LayerRecord` besides inputs, weights and states, for the chosen samples; see `store.layers`."""
    gradients = [[*layer.direct, *layer.total] for layer in layers]
    log_norms = [
        [layer.direct_log_norm, *map(scaled_log_norm, layer.direct[1:]), layer.log_norm, *cell_log_norms(layer)]
        for layer in layers
    ]
    return {
        "start_states": by_part([[s[samples] for s in layer.start] for layer in layers]),
        "gradients": by_part([[x.parts[0][:, samples] for x in of] for of in gradients]),
        "gradient_exponents": by_part([[x.exponent[:, samples] for x in of] for of in gradients]),
        "gradient_log_norms": by_part([[values[:, samples] for values in of] for of in log_norms]),
        "start_gradients": by_part([[x.parts[0][samples] for x in layer.grad_start] for layer in layers]),
        "start_gradient_exponents": by_part([[x.exponent[samples] for x in layer.grad_start] for layer in layers]),
    }


def cell_log_norms(layer: LayerRecord) -> list[Tensor]:
    """ln‖dL/dc_t‖ (nats) of each layer with a cell state."""
    norm = layer.cell_log_norm
    return [] if norm is None else [norm]


def by_part(values: Sequence[Sequence[Tensor]]) -> ndarray:
    """[part, layer, …] of a list of parts per layer; NaN behind h where it is narrower than c, being projected."""
    parts = [torch.stack(list(of_layers)) for of_layers in zip(*values, strict=True)]
    widest = max(part.shape[-1] for part in parts)
    if any(part.shape[-1] < widest for part in parts):
        parts = [torch.nn.functional.pad(part, (0, widest - part.shape[-1]), value=torch.nan) for part in parts]
    stacked: ndarray = torch.stack(parts).cpu().numpy()
    return stacked


def gate_rows(layers: Sequence[LayerRecord]) -> dict[str, ndarray]:
    """Each gate's mean and the shares of it that are shut and open, [gate, layer]: what earlier versions kept."""
    statistics = [gate_statistics(layer).gates.values() for layer in layers]
    return {
        f"gate_{name}": np.array([[getattr(gate, name) for gate in of] for of in statistics]).T
        for name in ("mean", "closed", "open")
    }


def later(forms: Sequence[Form], model: Network) -> Callable[[], dict[str, ndarray]]:
    """A function that computes the rest of the row from copies of the weights; another thread may call it later.

    Eigenvalues take as long as a small network's step, and no later step needs them.
    """
    cells = [
        [
            cell.with_weights(lambda weight: weight.detach().clone().cpu())
            for cell in model.stacks[next(iter(form.stacks))].cells
        ]
        for form in forms
    ]
    if not cells[0][0].recurrent_blocks:
        return dict
    return partial(all_spectral_rows, forms, cells)


def all_spectral_rows(forms: Sequence[Form], cells: Sequence[Sequence[Cell]]) -> dict[str, ndarray]:
    """`spectral_rows` of every stack."""
    return {
        name + ending(k): values
        for k, (form, of_stack) in enumerate(zip(forms, cells, strict=True))
        for name, values in spectral_rows(form, of_stack).items()
    }


def spectral_rows(form: Form, cells: Sequence[Cell]) -> dict[str, ndarray]:
    """Spectral norm and radius of each layer's recurrent blocks, [layer, block]; of an earlier version's run, all."""
    spectra = [list(block_spectra(cell).values()) for cell in cells]
    made = {name: np.array([[getattr(s, name) for s in of] for of in spectra]) for name in SPECTRAL}
    if form.keeps == "quantiles":
        eigenvalues = np.array([[s.eigenvalues for s in of] for of in spectra])
        made["singular_values"] = np.array([[s.singular_values for s in of] for of in spectra])
        made["eigenvalues"] = np.stack([eigenvalues.real, eigenvalues.imag], axis=-1)
    return made


SPECTRAL = ("spectral_norm", "spectral_radius")


def quantiles(log_norm: ndarray) -> ndarray:
    """[layer, time, quantile] of [layer, time, batch]."""
    return np.stack(log_quantiles(log_norm, *QUANTILES), axis=-1)


def kept(values: Tensor, form: Form) -> ndarray:
    """The chosen samples and units of [layer, time, batch, unit]."""
    array: ndarray = values.numpy()
    return array[:, :, form.samples][..., form.units]

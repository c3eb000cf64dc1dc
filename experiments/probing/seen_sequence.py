"""The first sequence of a recorded pass: a symbol for every timestep, and how much the loss hears of it."""

import torch
from jaxtyping import Float
from numpy import ndarray

from analysis.figures.symbols import Symbols
from experiments.training.build import Experiment
from models import Trace
from models.bptt.scaled import Scaled, scaled_log_norm


def seen_sequence(experiment: Experiment, looked_at: str) -> Symbols:
    """The symbols on the time axis of one stack: of an encoder the source, of a decoder the words that it reads."""
    task, model = experiment.task, experiment.model
    inputs = experiment.inputs[:, 0, : task.input_size].detach().cpu()
    parts = model.parts(len(inputs), experiment.source)
    which = list(model.stacks).index(looked_at)
    first = len(inputs) - sum(parts[which:])  # the places of a picture, which no stack reads, stand before
    end = first + parts[which]
    symbols, matters = task.symbols(inputs), task.matters(inputs)
    return Symbols(tuple(symbols[first:end]), matters[first:end].numpy())


def heard_sizes(whole: Trace, stack: str, input_size: int) -> Float[ndarray, "time batch"]:
    """ln‖dL/dx_t‖₂ (nats) of what one stack reads, without the context that a decoder reads beside its words.

    NaN in padding.
    """
    first = whole.stacks[stack].layers[0]
    if len(whole.stacks) == 1 and first.inputs.shape[-1] == input_size:
        return whole.input_log_norm.numpy()
    grad = first.grad_inputs
    size = scaled_log_norm(Scaled((grad.parts[0][..., :input_size],), grad.exponent))
    made: ndarray = (size if first.padding is None else size.masked_fill(first.padding, torch.nan)).numpy()
    return made

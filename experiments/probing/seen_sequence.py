"""The first sequence of a recorded pass: a symbol for every timestep, and how much the loss hears of it."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from analysis.figures.symbols import Symbols
from experiments.training.build import Experiment
from models import Trace
from models.bptt.lengths import ended_together
from models.bptt.scaled import Scaled, scaled_log_norm


def seen_sequence(experiment: Experiment, looked_at: str) -> Symbols:
    """The symbols on the time axis of one stack: of an encoder the source, of a decoder the words that it reads."""
    task, model = experiment.task, experiment.model
    if experiment.lengths is not None:
        return ending_with(seen_sequence(experiment.sequence(0), looked_at), len(experiment.inputs))
    inputs = experiment.inputs[:, 0, : task.input_size].detach().cpu()
    parts = model.parts(len(inputs), experiment.source)
    which = list(model.stacks).index(looked_at)
    first = len(inputs) - sum(parts[which:])  # the places of a picture, which no stack reads, stand before
    end = first + parts[which]
    symbols, matters = task.symbols(inputs), task.matters(inputs)
    return Symbols(tuple(symbols[first:end]), matters[first:end].numpy())


def ending_with(symbols: Symbols, timesteps: int) -> Symbols:
    """The symbols of a sequence that ends at the last of so many timesteps; nothing stands before it begins."""
    before = timesteps - len(symbols.texts)
    return Symbols(("",) * before + symbols.texts, np.pad(symbols.matters, (before, 0)))


def heard_sizes(whole: Trace, stack: str, input_size: int) -> Float[ndarray, "time batch"]:
    """ln‖dL/dx_t‖₂ (nats) of what one stack reads, without the context that a decoder reads beside its words.

    Sequences of unequal lengths end together; NaN before one begins.
    """
    first = whole.stacks[stack].layers[0]
    if len(whole.stacks) == 1 and first.inputs.shape[-1] == input_size:
        size = whole.input_log_norm
    else:
        grad = first.grad_inputs
        size = scaled_log_norm(Scaled((grad.parts[0][..., :input_size],), grad.exponent))
    made: ndarray = (size if first.lengths is None else ended_together(size, first.lengths)).numpy()
    return made

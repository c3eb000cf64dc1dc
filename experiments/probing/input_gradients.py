"""How much the loss depends on each input: ‖dL/dx_t‖ of a recorded network and of one layer of self-attention."""

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray

from experiments.probing.probe import Probe
from experiments.probing.seen_sequence import heard_sizes
from experiments.training.build import Experiment, generators
from models.bptt.lengths import ended_together
from models.bptt.lognorm import log_norm
from models.networks.self_attention import SelfAttention

LONGEST_ATTENTION = 300
"""Timesteps up to which self-attention is computed: its weights grow with the square of them."""


def input_log_norm(probe: Probe) -> Float[ndarray, "time batch"]:
    """ln‖dL/dx_t‖₂ (nats) of the whole network: of an encoder-decoder, over the source and then the target's words."""
    words = probe.experiment.task.input_size
    return np.concatenate([heard_sizes(probe.whole, stack, words) for stack in probe.whole.stacks])


def attention_log_norm(experiment: Experiment) -> Float[ndarray, "time batch"]:
    """ln‖dL/dx_t‖₂ (nats) of one layer of self-attention of the same width, on the same batch and loss, in float64.

    It is over the timesteps that the network's own stacks read: of a captioned picture, the words.
    """
    config, task = experiment.config, experiment.task
    weights, _ = generators(config.seed)
    sizes = (task.input_size, config.hidden_size, task.output_size)
    network = SelfAttention(*sizes, generator=weights, dtype=torch.float64)
    inputs = experiment.inputs.detach().double().requires_grad_()
    with torch.inference_mode(False), torch.enable_grad():
        (grad,) = torch.autograd.grad(experiment.loss(network(inputs)), inputs)
    read = sum(experiment.model.parts(len(inputs), experiment.source))
    size = log_norm(grad[-read:])  # no padding: no output looks ahead
    made: ndarray = (size if experiment.lengths is None else ended_together(size, experiment.lengths)).numpy()
    return made

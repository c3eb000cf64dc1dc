"""Two conventions of a GRU: how large its blocks are, and its gradient with either meaning of z and of the reset."""

from functools import lru_cache

import torch
from jaxtyping import Float
from numpy import ndarray

from analysis.gru_conventions import negate_z_, states
from analysis.numbers import log_quantile
from experiments.benchmarks.steps import INPUTS
from experiments.config.run_config import RunConfig
from experiments.training.build import build
from models import SequenceModel

LAG = 100


def block_size(cell: str, units: int) -> tuple[int, int]:
    """How many blocks a cell has, and the parameters in each: a row of W_ih, of W_hh and two biases a unit."""
    recurrent = SequenceModel(cell, INPUTS, units, 1).recurrent
    blocks = len(recurrent.cell_type.blocks)
    return blocks, sum(p.numel() for p in recurrent.parameters()) // blocks


@lru_cache(maxsize=32)
def gru_log_gradients(bias: float, overwrites: bool = False, reset_after: bool = True) -> Float[ndarray, " lag"]:
    """ln of ‖dL/dh_{T−lag}‖ ÷ ‖dL/dh_T‖ (nats) of a GRU whose z has this bias, the median over a batch.

    A z that overwrites, h = z⊙n + (1−z)⊙h', is torch's with the sign of z's weights and biases changed.
    """
    config = RunConfig(
        task="adding", cell="gru", seq_len=LAG + 1, hidden_size=32, batch_size=4, forget_bias=bias,
        reset_after=reset_after, loss_position="last", dtype="float64",
    )  # fmt: skip
    experiment = build(config)
    if overwrites:
        negate_z_(experiment.model.stacks["recurrent"])
    log = log_quantile(experiment.record().log_norm[0].numpy(), 0.5)[::-1]
    return log - log[0]


def renaming_error(steps: int) -> float:
    """Largest difference between torch's states and those of a z that overwrites and whose weights are negated."""
    generator = torch.Generator().manual_seed(0)
    gru = SequenceModel("gru", INPUTS, 64, 1, generator=generator, dtype=torch.float64).recurrent
    inputs = torch.randn(steps, 4, INPUTS, generator=generator, dtype=torch.float64)
    as_torch = states(gru, inputs)
    negate_z_(gru)
    return float((states(gru, inputs, overwrites=True) - as_torch).abs().max())

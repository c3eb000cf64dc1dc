"""The cell state of one layer over time: how large c_t is, and how large the gradient dL/dc_t that reaches it."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy import ndarray
from torch import Tensor

from analysis.numbers import log_quantiles
from models.bptt.lognorm import log_norm
from models.recording.layer_record import LayerRecord


@dataclass(frozen=True, eq=False)
class Spread:
    """Quantiles over the batch, each [time]."""

    low: Float[ndarray, " time"]
    """10 %."""
    median: Float[ndarray, " time"]
    high: Float[ndarray, " time"]
    """90 %."""


@dataclass(frozen=True, eq=False)
class CellStateProfile:
    """‖c_t‖ and ‖dL/dc_t‖ of one layer over time, t = 1 … T. Shorter sequences are moved so that all end at T."""

    t: Int[ndarray, " time"]
    lag: Int[ndarray, " time"]
    """Steps back from the last step at which the gradient enters: T − t, or t − 1 in the reverse direction."""
    log_size: Spread
    """ln‖c_t‖₂ (nats); −inf where c_t is exactly zero."""
    log_norm: Spread
    """ln‖dL/dc_t‖₂ (nats) of the total gradient, the path through h_t included; −inf only where it is exactly zero."""


def cell_state_profile(layer: LayerRecord) -> CellStateProfile | None:
    """The size of the cell state and of its gradient over time; None for a cell whose state is h_t alone.

    Args:
        layer: a recorded layer.

    Example:
        >>> import torch
        >>> from models import SequenceModel, record
        >>> model = SequenceModel("lstm", input_size=1, hidden_size=4, output_size=1)
        >>> trace = record(model, torch.zeros(50, 2, 1), lambda outputs: outputs[-1].sum())
        >>> found = cell_state_profile(trace.top)
        >>> bool(abs(found.log_norm.median - trace.top.cell_log_norm[:, 0].numpy()).max() < 1e-4)  # two equal sequences
        True
    """
    if layer.cell_log_norm is None:
        return None
    t = np.arange(1, layer.seq_len + 1)
    return CellStateProfile(
        t,
        t - 1 if layer.reverse else layer.seq_len - t,
        spread(layer, log_norm(layer.after[1])),
        spread(layer, layer.cell_log_norm),
    )


def spread(layer: LayerRecord, sizes: Float[Tensor, "time batch"]) -> Spread:
    """The quantiles of sizes at their input positions, each sequence moved to end with the others."""
    pad = layer.padding
    known = sizes.double() if pad is None else sizes.double().masked_fill(pad, torch.nan)
    values: ndarray = layer.ended_together(known).cpu().numpy()
    return Spread(*log_quantiles(values, 0.1, 0.5, 0.9))

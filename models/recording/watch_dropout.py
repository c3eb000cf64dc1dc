"""The dropout masks between the layers of one call, drawn again from the same random state."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from models.recording.watch_sequence import SequenceForm
from models.recording.watch_weights import RecurrentModule


def drops(module: RecurrentModule) -> bool:
    """Whether the module's next call draws random numbers."""
    return isinstance(module, nn.RNNBase) and module.training and module.dropout > 0 and module.num_layers > 1


def draw_masks(module: nn.RNNBase, output: Tensor, form: SequenceForm, random_state: Tensor) -> list[Tensor]:
    """The factors on each layer's output, the lowest layer first: [time, batch, feature], 0 or 1/(1 − p).

    Args:
        module: the module that was called.
        output: the call's output, for its shape and dtype, which all layers share.
        form: the form of the call's tensors.
        random_state: the CPU's random state before the call; the current random state does not change.
    """
    now = torch.get_rng_state()
    torch.set_rng_state(random_state)
    try:
        ones = torch.ones_like(output if form.packed is not None else form.sequence(output).contiguous())
        masks = [F.dropout(ones, module.dropout, training=True) for _ in range(module.num_layers - 1)]
    finally:
        torch.set_rng_state(now)
    return [form.sequence(mask) for mask in masks] if form.packed is not None else masks

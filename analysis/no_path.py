"""Timesteps from which no path leads to a loss, whatever the weights are: beyond truncation, or after all losses."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Bool
from torch import Tensor

from analysis.profile import Profile
from models.recording.layer_record import LayerRecord
from models.recording.trace import Stack

Reached = Bool[Tensor, " time"]


def reached_steps(stack: Stack) -> list[Reached]:
    """For every layer and direction, at input positions: whether a path leads from h_t to a loss.

    A loss reaches the top layer where it sends a direct gradient, and a lower layer where it reaches the layer above.
    From there the gradient goes back through time, as far as truncation lets it.
    """
    D, found = stack.num_directions, list[Reached]()
    for k in reversed(range(len(stack.layers))):
        layer = stack.layers[k]
        if k >= len(stack.layers) - D:
            found.insert(0, back_through_time(layer, sent_steps(layer)))
        elif layer.window is not None:
            found.insert(0, found[0])  # a window has the same timesteps in every layer
        else:
            above = torch.stack(found[:D]).any(dim=0)
            found.insert(0, back_through_time(layer, above))
    return found


def sent_steps(layer: LayerRecord) -> Reached:
    """At which timesteps the loss sends a direct gradient to any sequence's state."""
    pad, size = layer.padding, layer.direct_log_norm  # NaN where a gradient is
    to_hidden = (size if pad is None else size.masked_fill(pad, -torch.inf)) != -torch.inf
    others = [part.parts[0].abs().amax(dim=(1, 2)) != 0 for part in layer.direct[1:]]
    return torch.stack([to_hidden.any(dim=1), *others]).any(dim=0).cpu()


def back_through_time(layer: LayerRecord, sent: Reached) -> Reached:
    """The timesteps from which a path leads to one of these, in the layer's own direction."""
    steps, reached, within = layer.flipped(sent).tolist(), list[bool](), 0
    cut = [False] * len(steps) if layer.window is not None else layer.cut()
    for t in reversed(range(len(steps))):
        # how many more of the earlier timesteps a loss reaches: all of them without truncation
        within = (layer.window or len(steps)) if steps[t] else max(within - 1, 0)
        reached.append(within > 0)
        within = 0 if cut[t] else within
    return layer.flipped(torch.tensor(reached[::-1]))


def with_reach(profiles: Sequence[Profile], stack: Stack) -> list[Profile]:
    """The layers' profiles, each with the timesteps that have no path to a loss, and why.

    Sequences of unequal lengths are moved to end together, so that no timestep is the same in all of them; their
    profiles stay as they are. So do all where no loss sends anything: a softmax that is sure and right sends exactly
    zero, and where the loss stands cannot be seen.
    """
    reached_by_layer = reached_steps(stack)
    if any(layer.lengths is not None for layer in stack.layers) or not any(map(torch.any, reached_by_layer)):
        return [*profiles]
    return [
        replace(p, no_path=~reached.numpy(), why_no_path=explain_no_path(layer))
        for p, layer, reached in zip(profiles, stack.layers, reached_by_layer, strict=True)
    ]


def explain_no_path(layer: LayerRecord) -> str:
    """Why some timesteps have no path to a loss, as a sentence."""
    if layer.window is not None:
        return f"Each loss goes back over {layer.truncate} timesteps only."
    if layer.truncate is not None:
        last = len(layer.hidden) % layer.truncate
        short = f" The last block has {last} of them." if last and not layer.reverse else ""
        return f"The gradient stops at the end of each block of {layer.truncate} timesteps.{short}"
    if layer.reverse:
        return (
            "The reverse direction reads the last input first, so the states that it computes later cannot act on it."
        )
    return "No loss comes at or after these timesteps."

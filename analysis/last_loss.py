"""How far a gradient travels in a recorded layer: its pass again, with what the loss sends to the last step alone."""

import torch
from jaxtyping import Int64
from torch import Tensor

from models.bptt.compiled.choose import choose_path
from models.bptt.scaled import Scaled
from models.bptt.stack_pass import backward_stack, forward_stack
from models.recording.layer_record import LayerRecord
from models.recording.record import make_engine
from models.recording.trace import Trace


@torch.inference_mode(False)
@torch.no_grad()
def last_loss_only(trace: Trace) -> Trace:
    """The top layer's pass, forwards, where only the last direct gradient of each sequence goes back through time.

    Where there is no other one, the trace itself. A loss at every step feeds the gradient anew on its way, which hides
    what has vanished.

    Args:
        trace: of one stack.
    """
    layer = trace.top
    last = last_direct(layer)
    others = torch.arange(layer.seq_len, device=last.device)[:, None] != last
    if not bool((layer.direct_log_norm[others] > -torch.inf).any()):
        return trace
    exponent = layer.direct[0].exponent
    parts = tuple(x.at(exponent).parts[0].masked_fill(others[..., None], 0) for x in layer.direct)
    engine = make_engine(choose_path([layer.cell], layer.inputs, None))
    states = forward_stack(engine, [layer.cell], 1, layer.inputs, [layer.start], layer.lengths)
    result = backward_stack(engine, states, 1, [Scaled(parts, exponent)], layer.truncate, layer.truncate_kind)
    return Trace(
        stacks={"top": result.stack},
        outputs=layer.hidden,
        loss=None,
        parameter_grads={},
        parameter_log_norm={},
        path=engine.name,
    )


def last_direct(layer: LayerRecord) -> Int64[Tensor, " batch"]:
    """The last position of each sequence to which the loss sends anything, to h or to c; 0 where there is none."""
    sent = torch.stack([(x.parts[0] != 0).any(dim=-1) for x in layer.direct]).any(dim=0)
    positions = torch.arange(layer.seq_len, device=sent.device)[:, None]
    return torch.where(sent, positions, 0).amax(dim=0)

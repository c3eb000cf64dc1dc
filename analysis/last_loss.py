"""How far a gradient travels in a recorded layer: the pass again, with the last step's direct gradient alone."""

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
    """The top layer's pass, forwards, in which only the last direct gradient of each sequence goes back through time.

    If there is no other direct gradient, this is the trace itself. A loss at every step adds to the gradient on its
    way, which hides a gradient that has vanished.

    Args:
        trace: the trace of one stack.
    """
    layer = trace.top
    last = last_direct(layer)
    others = torch.arange(layer.seq_len, device=last.device)[:, None] != last
    if not bool((layer.direct_log_norm[others] > -torch.inf).any()):
        return trace
    exponent = layer.direct[0].exponent
    parts = tuple(x.at(exponent).parts[0].masked_fill(others[..., None], 0) for x in layer.direct)
    engine = make_engine(choose_path([type(layer.cell)], layer.cell.weights.values(), layer.inputs, None), layer.inputs)
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
    """The last position of each sequence with a direct gradient, of h or of c; 0 if there is none."""
    sent = torch.stack([(x.parts[0] != 0).any(dim=-1) for x in layer.direct]).any(dim=0)
    positions = torch.arange(layer.seq_len, device=sent.device)[:, None]
    return torch.where(sent, positions, 0).amax(dim=0)

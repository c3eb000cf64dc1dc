"""From the calls of one sequence to its Trace: the layers run again, and the direct gradients go back through time."""

from collections.abc import Sequence

import torch
from torch import Tensor

from models.bptt.compiled.choose import choose_path
from models.bptt.scaled import Scaled
from models.bptt.stack_pass import backward_stack, forward_stack, side_by_side
from models.cells.cell import State
from models.recording.record import make_engine
from models.recording.trace import Trace
from models.recording.watch_call import Call
from models.recording.watch_check import came_elsewhere
from models.recording.watch_direct import direct_states
from models.recording.watch_weights import RecurrentModule, suffixes


@torch.inference_mode(False)
@torch.no_grad()
def replay(name: str, module: RecurrentModule, calls: Sequence[Call], samples: int | None) -> tuple[Trace, bool]:
    """The Trace of calls that follow each other, and whether it is far from the module's own pass, by rounding.

    With `samples`, it is of the first so many sequences only.
    """
    first = calls[0]
    kept = slice(samples)
    inputs = joined([call.inputs for call in calls])[:, kept]
    lengths = None if first.lengths is None else first.lengths[kept]
    masks = [joined(masks)[:, kept] for masks in zip(*(call.masks for call in calls), strict=True)]
    start = None
    if first.start is not None:
        start = [tuple(s[k, kept] for s in first.start) for k in range(len(first.cells))]
    weights = [weight for cell in first.cells for weight in cell.weights.values()]
    engine = make_engine(choose_path([type(cell) for cell in first.cells], weights, inputs, None), inputs)
    with torch.autocast(inputs.device.type, enabled=False):
        layers = forward_stack(engine, first.cells, first.num_directions, inputs, start, lengths, masks)
        outputs = side_by_side([layer.hidden for layer in layers[-first.num_directions :]])
        gave, rounding = joined([call.gave for call in calls])[:, kept], max(call.rounding for call in calls)
        elsewhere = came_elsewhere(gave, outputs, lengths, rounding)
        direct = [Scaled.of(*(part[:, kept] for part in state)) for state in joined_states(calls)]
        result = backward_stack(engine, layers, first.num_directions, direct, masks=masks)
    grads: dict[str, tuple[Tensor, float]] = {}
    for suffix, of_cell in zip(suffixes(module), result.parameter_grads, strict=True):
        own = {weight + suffix: grad for weight, grad in of_cell.items() if weight + suffix in first.weight_names}
        grads |= {f"{name}.{weight}".lstrip("."): grad for weight, grad in own.items()}
    trace = Trace(
        stacks={name: result.stack.until_longest()},
        outputs=outputs,
        loss=None,
        parameter_grads={key: grad for key, (grad, _) in grads.items()},
        parameter_log_norm={key: log_norm for key, (_, log_norm) in grads.items()},
        path=engine.name,
    )
    return trace, elsewhere


def joined(parts: Sequence[Tensor]) -> Tensor:
    """Join the parts one after the other in time."""
    return parts[0] if len(parts) == 1 else torch.cat(list(parts))


def joined_states(calls: Sequence[Call]) -> list[State]:
    """The direct gradients of each layer and direction over all calls."""
    of_calls = [direct_states(call) for call in calls]
    return [joined_parts([states[k] for states in of_calls]) for k in range(len(calls[0].cells))]


def joined_parts(states: Sequence[State]) -> State:
    """One layer's direct gradients over all calls; zero for c in the calls that sent no gradient to it."""
    most = max(states, key=len)
    full = [
        (*state, *(part.new_zeros(len(state[0]), *part.shape[1:]) for part in most[len(state) :])) for state in states
    ]
    return tuple(joined(parts) for parts in zip(*full, strict=True))


def sequences_of(calls: Sequence[Call]) -> list[list[Call]]:
    """The calls that a backward pass reached, grouped into sequences, in the order of their first calls."""
    following = {call.previous: call for call in calls if call.previous is not None}
    reached = set(calls)
    firsts = [call for call in calls if call.previous not in reached]  # a pass may reach the later ones only
    sequences = []
    for call in firsts:
        sequence = [call]
        while (after := following.get(sequence[-1])) is not None:
            sequence.append(after)
        sequences.append(sequence)
    return sequences

"""Records and traces of any device, on the CPU."""

from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from torch import Tensor

Recorded = TypeVar("Recorded")


def on_cpu(recorded: Recorded) -> Recorded:
    """The same with all its tensors on the CPU: a trace, a record, or anything else of dataclasses, dicts and tuples.

    Example:
        >>> import torch
        >>> from models import SequenceModel, on_cpu, record
        >>> model = SequenceModel("gru", input_size=1, hidden_size=4, output_size=1)  # on a GPU: .cuda()
        >>> trace = on_cpu(record(model, torch.ones(5, 2, 1), lambda outputs: outputs.mean()))
        >>> trace.top.hidden.device
        device(type='cpu')
    """
    moved: Any = recorded
    if isinstance(recorded, Tensor):
        moved = recorded.cpu()
    elif isinstance(recorded, dict):
        moved = {key: on_cpu(value) for key, value in recorded.items()}
    elif isinstance(recorded, tuple):
        moved = tuple(on_cpu(value) for value in recorded)
    elif is_dataclass(recorded) and not isinstance(recorded, type):
        whole: Any = recorded
        moved = replace(whole, **{field.name: on_cpu(getattr(whole, field.name)) for field in fields(whole)})
    return moved

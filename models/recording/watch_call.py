"""One call of a watched module: its inputs, and the gradients of its outputs."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from models.cells.cell import Cell, State
from models.recording.watch_arrivals import Arrivals
from models.recording.watch_copies import own
from models.recording.watch_dropout import draw_masks
from models.recording.watch_sequence import SequenceForm, form_of
from models.recording.watch_weights import RecurrentModule, cells_of, num_directions


@dataclass(eq=False)
class Call:
    """The record of one call. It does not keep autograd's graph alive: the graph keeps the record."""

    cells: tuple[Cell, ...]
    """One cell per layer and direction, with the module's own weights, not copies."""
    weight_names: tuple[str, ...]
    """Names of the weights that the module has; without biases if it has none."""
    num_directions: int
    form: SequenceForm
    inputs: Float[Tensor, "time batch input"]
    start: State | None
    """h_0, or h_0 and c_0: [layer, batch, unit]; None for zeros."""
    masks: Sequence[Tensor]
    """Dropout between the layers, the lowest first; empty without dropout."""
    gave: Float[Tensor, "time batch feature"]
    """The module's own output."""
    last: State
    """Its last state, as it was then."""
    rounding: float
    """The smallest relative difference of two numbers of the output's dtype, or of that to which autocast rounds."""
    previous: "Call | None" = None
    """The call whose last state is this call's start state."""
    number: int = 0
    """How many calls of the module came before this one."""
    is_followed: bool = False
    """Whether another call starts from this call's last state."""
    has_graph: bool = False
    """Whether a backward pass through it has made a graph of the gradient (`create_graph=True`)."""
    thread: int = field(default_factory=threading.get_ident)
    """Where the call was made."""
    output: Arrivals = field(default_factory=Arrivals)
    ends: tuple[Arrivals, ...] = ()
    """The gradients of h_n and of c_n."""

    @property
    def lengths(self) -> Int64[Tensor, " batch"] | None:
        """Timesteps of each sequence; None if all are equal."""
        lengths = self.form.lengths
        return None if lengths is None else lengths.to(self.inputs.device)

    @property
    def is_vectorized(self) -> bool:
        """Whether the backward pass was one of many at once."""
        return any(arrivals.is_vectorized for arrivals in (self.output, *self.ends))

    def can_follow(self, previous: "Call") -> bool:
        """Whether both are parts of one sequence: one direction, the same weights, all sequences equally long."""
        parts = (self, previous)
        if any(p.num_directions > 1 or p.form.packed is not None for p in parts):
            return False
        if len(self.masks) != len(previous.masks):
            return False
        if not all(is_equal(a, b) for a, b in zip(self.start or (), previous.last, strict=True)):
            return False  # it was changed in the meantime
        return all(
            is_same(a, b)
            for mine, theirs in zip(self.cells, previous.cells, strict=True)
            for a, b in zip(mine.weights.values(), theirs.weights.values(), strict=True)
        )

    def clear(self) -> None:
        """Forget the gradients of a backward pass."""
        for arrivals in (self.output, *self.ends):
            arrivals.clear()


def is_equal(a: Tensor, b: Tensor) -> bool:
    """Whether all numbers are the same, those included that are none."""
    return bool(((a == b) | (a.isnan() & b.isnan())).all())


def is_same(a: Tensor, b: Tensor) -> bool:
    """Whether two weights are the same tensor, or equal."""
    return a.data_ptr() == b.data_ptr() or torch.equal(a, b)


def read_call(
    module: RecurrentModule,
    inputs: Tensor | PackedSequence,
    hx: Tensor | tuple[Tensor, ...] | None,
    output: Tensor,
    ends: State,
    random_state: Tensor | None,
    weights: Mapping[str, Tensor],
) -> Call:
    """The record of a call that has just ended, still without its gradients.

    Args:
        module: the module that was called.
        inputs: its inputs, as they were given.
        hx: its start state, as it was given.
        output: its output; the data of a packed sequence, or the h of a single cell.
        ends: its last state.
        random_state: the CPU's random state before the call, if the call drew dropout masks.
        weights: its weights, as `used_weights` names them, which nobody changes.
    """
    form = form_of(module, inputs)
    data = inputs.data if isinstance(inputs, PackedSequence) else inputs
    dtype = computing_dtype(data, output)
    x = own(form.sequence(data.detach()).to(rounded_dtype(data)).to(dtype), data)
    rounded = {name: w.to(rounded_dtype(w)) for name, w in weights.items()}
    given = (hx,) if isinstance(hx, Tensor) else hx
    masks: list[Tensor] = []
    if random_state is not None:
        assert isinstance(module, nn.RNNBase)
        masks = [mask.to(dtype) for mask in draw_masks(module, output, form, random_state)]
    return Call(
        cells=cells_of(module, rounded, dtype),
        weight_names=tuple(rounded),
        num_directions=num_directions(module),
        form=form,
        inputs=x,
        start=None if given is None else tuple(own(form.state(s.detach()).to(dtype), s) for s in given),
        masks=masks,
        gave=own(form.sequence(output.detach()).to(dtype), output),
        last=tuple(own(form.state(end.detach()).to(dtype), end) for end in ends),
        rounding=max(torch.finfo(short).eps for short in (output.dtype, rounded_dtype(data))),
    )


def tensors_of(module: RecurrentModule, result: Any) -> tuple[Tensor, State]:
    """A call's output (of a packed sequence its data, of a single cell its h) and its last state."""
    if isinstance(module, nn.RNNCellBase):
        ends = (result,) if isinstance(result, Tensor) else tuple(result)
        return checked(ends[0]), tuple(map(checked, ends))
    if not isinstance(result, tuple):
        raise TypeError(f"it gave a {type(result).__name__}, and not an output and a last state")
    output, last = result
    data = output.data if isinstance(output, PackedSequence) else output
    ends = (last,) if isinstance(last, Tensor) else tuple(last)
    return checked(data), tuple(map(checked, ends))


def checked(x: Any) -> Tensor:
    """A tensor of a result."""
    if not isinstance(x, Tensor):
        raise TypeError(f"its result contains a {type(x).__name__}")
    return x


def computing_dtype(inputs: Tensor, output: Tensor) -> torch.dtype:
    """The dtype of the record: float64 stays float64, all shorter dtypes become float32."""
    return torch.float64 if torch.float64 in (inputs.dtype, output.dtype) else torch.float32


def rounded_dtype(x: Tensor) -> torch.dtype:
    """The dtype to which autocast rounds inputs and weights; their own dtype if autocast is off."""
    kind = x.device.type
    is_rounded = torch.is_autocast_enabled(kind) and x.dtype == torch.float32
    return torch.get_autocast_dtype(kind) if is_rounded else x.dtype

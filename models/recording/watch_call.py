"""One call of a watched module: what went in, and what backward sends to what came out."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from models.cells.cell import Cell, State
from models.recording.watch_arrivals import Arrivals
from models.recording.watch_dropout import draw_masks
from models.recording.watch_sequence import SequenceForm, form_of
from models.recording.watch_weights import RecurrentModule, cells_of, num_directions, used_weights


@dataclass(eq=False)
class Call:
    """What one call leaves behind. Nothing in it holds on to autograd's graph: the graph holds it."""

    cells: tuple[Cell, ...]
    """One per layer and direction, with the weights themselves, not copies."""
    weight_names: tuple[str, ...]
    """Those that the module has: no biases where it has none."""
    num_directions: int
    form: SequenceForm
    inputs: Float[Tensor, "time batch input"]
    start: State | None
    """h_0, or h_0 and c_0: [layer, batch, unit]; None for zeros."""
    masks: Sequence[Tensor]
    """Dropout between the layers, the lowest first; empty where there is none."""
    previous: "Call | None" = None
    """The call whose last state is this one's start."""
    number: int = 0
    """How many calls of the module came before it."""
    is_followed: bool = False
    """Whether another call starts from its last state."""
    output: Arrivals = field(default_factory=Arrivals)
    ends: tuple[Arrivals, ...] = ()
    """Of h_n, and of c_n."""

    @property
    def lengths(self) -> Int64[Tensor, " batch"] | None:
        """Timesteps of each sequence where they differ."""
        lengths = self.form.lengths
        return None if lengths is None else lengths.to(self.inputs.device)

    def can_follow(self, previous: "Call") -> bool:
        """Whether both are parts of one sequence: in one direction, by the same weights, all sequences equally long."""
        parts = (self, previous)
        if any(p.num_directions > 1 or p.form.packed is not None for p in parts):
            return False
        if len(self.masks) != len(previous.masks):
            return False
        return all(
            is_same(a, b)
            for mine, theirs in zip(self.cells, previous.cells, strict=True)
            for a, b in zip(mine.weights.values(), theirs.weights.values(), strict=True)
        )

    def clear(self) -> None:
        """Forget the gradients of a backward pass."""
        for arrivals in (self.output, *self.ends):
            arrivals.clear()


def is_same(a: Tensor, b: Tensor) -> bool:
    """Whether two weights are one, or equal."""
    return a.data_ptr() == b.data_ptr() or torch.equal(a, b)


def read_call(
    module: RecurrentModule,
    inputs: Tensor | PackedSequence,
    hx: Tensor | tuple[Tensor, ...] | None,
    output: Tensor,
    random_state: Tensor | None,
) -> Call:
    """What a call that has just ended leaves behind, without its gradients.

    Args:
        module: that was called.
        inputs: as given to it.
        hx: the start state, as given to it.
        output: that it gave; of a packed sequence its data, of a single cell its h.
        random_state: the CPU's before the call, where it drew dropout masks.
    """
    form = form_of(module, inputs)
    data = inputs.data if isinstance(inputs, PackedSequence) else inputs
    dtype = computing_dtype(data, output)
    x = form.sequence(data.detach()).to(rounded_dtype(data)).to(dtype)
    weights = {name: w.detach().to(rounded_dtype(w)) for name, w in used_weights(module).items()}
    given = (hx,) if isinstance(hx, Tensor) else hx
    masks: list[Tensor] = []
    if random_state is not None:
        assert isinstance(module, nn.RNNBase)
        masks = [mask.to(dtype) for mask in draw_masks(module, output, form, random_state)]
    return Call(
        cells=cells_of(module, weights, dtype),
        weight_names=tuple(weights),
        num_directions=num_directions(module),
        form=form,
        inputs=x,
        start=None if given is None else tuple(form.state(s.detach()).to(dtype) for s in given),
        masks=masks,
    )


def computing_dtype(inputs: Tensor, output: Tensor) -> torch.dtype:
    """float64 stays; what is shorter is recorded in float32."""
    return torch.float64 if torch.float64 in (inputs.dtype, output.dtype) else torch.float32


def rounded_dtype(x: Tensor) -> torch.dtype:
    """What autocast rounds inputs and weights to, where it is on; else their own dtype."""
    kind = x.device.type
    is_rounded = torch.is_autocast_enabled(kind) and x.dtype == torch.float32
    return torch.get_autocast_dtype(kind) if is_rounded else x.dtype

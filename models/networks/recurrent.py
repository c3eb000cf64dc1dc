"""The parameters of a stack of layers and directions, and the plain loop over time."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from models.cells.cell import Cell, Gates, State
from models.cells.registry import CELLS
from models.networks.initialise import uniform_


class Recurrent(nn.Module):
    """The parameters of all layers and directions, named and shaped as in torch.nn.RNN, LSTM and GRU.

    Its `state_dict` loads into the torch module of the same size, and the other way round.
    """

    def __init__(
        self,
        cell: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bidirectional: bool = False,
        *,
        generator: torch.Generator | None = None,
        dtype: torch.dtype | None = None,
        **options: object,
    ) -> None:
        super().__init__()
        if cell not in CELLS:
            raise ValueError(f"cell was {cell!r}; it must be one of {', '.join(CELLS)}.")
        self.cell_type = CELLS[cell]
        for name in options:
            if name not in self.cell_type.option_names:
                allowed = ", ".join(self.cell_type.option_names) or "none"
                raise ValueError(f"{name} is not an option of the cell {cell!r}; its options are: {allowed}.")
        sizes = {"input_size": input_size, "hidden_size": hidden_size, "num_layers": num_layers}
        for name, size in sizes.items():
            if size < 1:
                raise ValueError(f"{name} was {size}; it must be a whole number of at least 1.")

        self.cell_name = cell
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.num_directions = 2 if bidirectional else 1
        self.options = options
        for layer in range(num_layers):
            layer_input = input_size if layer == 0 else hidden_size * self.num_directions
            for direction in range(self.num_directions):
                shapes = self.cell_type.parameter_shapes(layer_input, hidden_size)
                for name, shape in shapes.items():
                    weight = nn.Parameter(torch.empty(*shape, dtype=dtype))
                    self.register_parameter(name + self.suffix(layer, direction), weight)
        uniform_(self, hidden_size, generator)
        self.cell(0, 0)  # a wrong option shows here, not at the first forward pass

    @property
    def bidirectional(self) -> bool:
        """Whether a second set of cells reads the sequence from its end."""
        return self.num_directions == 2

    @property
    def cells(self) -> list[Cell]:
        """The cells of all layers and directions in torch's order 2*l + d."""
        return [self.cell(l, d) for l in range(self.num_layers) for d in range(self.num_directions)]

    @staticmethod
    def suffix(layer: int, direction: int) -> str:
        """Torch's suffix of a parameter's name: `_l0`, `_l1_reverse`, …"""
        return f"_l{layer}" + ("_reverse" if direction else "")

    def cell(self, layer: int, direction: int = 0) -> Cell:
        """The cell of one layer and direction, holding the module's own parameters."""
        suffix = self.suffix(layer, direction)
        names = self.cell_type.parameter_shapes(1, 1)
        weights = {name: getattr(self, name + suffix) for name in names}
        return self.cell_type(**weights, **self.options)  # type: ignore[arg-type]


def unroll(
    cell: Cell,
    inputs: Float[Tensor, "time batch input"],
    reverse: bool,
    start: State | None = None,
    lengths: Int64[Tensor, " batch"] | None = None,
) -> tuple[State, Gates]:
    """The states and gates of one layer at every timestep, each [time, batch, hidden].

    The start state is zero if it is left out. With `reverse` the cell reads from the last timestep to the first; the
    result is in input positions all the same, as in torch. Beyond its length a sequence takes no step.
    """
    seq_len, batch_size, _ = inputs.shape
    state = cell.initial_state(batch_size) if start is None else start
    states: list[State] = []
    gates: list[Gates] = []
    for t in processing_order(seq_len, reverse):
        before = state
        state, gates_t = cell.step(inputs[t], before)
        if lengths is not None:
            within = (t < lengths)[:, None]
            state = tuple(torch.where(within, new, old) for new, old in zip(state, before, strict=True))
        states.append(state)
        gates.append(gates_t)
    if reverse:
        states.reverse()
        gates.reverse()
    over_time = tuple(torch.stack(tensors) for tensors in zip(*states, strict=True))
    return over_time, {name: torch.stack([g[name] for g in gates]) for name in cell.gate_names}


def processing_order(seq_len: int, reverse: bool) -> range:
    """The input positions in the order in which a direction reads them."""
    return range(seq_len - 1, -1, -1) if reverse else range(seq_len)

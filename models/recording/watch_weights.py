"""A torch module's recurrent layers as our cells, with the same weights that its last call used."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from models.cells.cell import Cell
from models.cells.elman.step import ElmanCell
from models.cells.gru.step import GRUCell
from models.cells.lstm.projection import ProjectedLSTMCell
from models.cells.lstm.step import LSTMCell
from models.networks.recurrent import Recurrent

RecurrentModule = nn.RNNBase | nn.RNNCellBase
"""The modules that can be watched: nn.RNN, nn.LSTM, nn.GRU, and RNNCell, LSTMCell, GRUCell."""
KINDS = (nn.RNN, nn.LSTM, nn.GRU, nn.RNNCell, nn.LSTMCell, nn.GRUCell)

NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")


def is_recurrent(module: nn.Module) -> bool:
    """Whether it is one of torch's recurrent modules."""
    return isinstance(module, KINDS)


def suffixes(module: RecurrentModule) -> list[str]:
    """The suffix of a weight's name for each layer and direction in torch's order; empty for a single cell."""
    if isinstance(module, nn.RNNCellBase):
        return [""]
    return [Recurrent.suffix(l, d) for l in range(module.num_layers) for d in range(num_directions(module))]


def num_directions(module: RecurrentModule) -> int:
    """1, or 2 for a bidirectional module."""
    return 2 if isinstance(module, nn.RNNBase) and module.bidirectional else 1


def used_weights(module: RecurrentModule, computed: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Name → weight, as the last call used it.

    A module of layers keeps them. Computing a parametrized weight once more would not do: a spectral norm moves on
    each time that it is computed. What a single cell's parametrizations gave during the call is in `computed`.
    """
    if isinstance(module, nn.RNNBase):
        named = zip(module._flat_weights_names, module._flat_weights, strict=True)
    else:
        given = (computed[name] if name in computed else getattr(module, name, None) for name in NAMES)
        named = zip(NAMES, given, strict=True)
    return {name: weight for name, weight in named if isinstance(weight, Tensor)}


def cells_of(module: RecurrentModule, weights: dict[str, Tensor], dtype: torch.dtype) -> tuple[Cell, ...]:
    """One cell per layer and direction; biases that the module does not have are zero.

    Args:
        module: what kind of cell it is.
        weights: as `used_weights` gives them.
        dtype: the weights are rounded to it, as autocast does.
    """
    cells = []
    for suffix in suffixes(module):
        own = {name: weights[name + suffix].to(dtype) for name in NAMES if name + suffix in weights}
        zeros = own["weight_hh"].new_zeros(len(own["weight_hh"]))
        cells.append(make_cell(module, {"bias_ih": zeros, "bias_hh": zeros, **own}))
    return tuple(cells)


def make_cell(module: RecurrentModule, w: dict[str, Tensor]) -> Cell:
    """The cell of one layer and direction."""
    four = w["weight_ih"], w["weight_hh"], w["bias_ih"], w["bias_hh"]
    if isinstance(module, nn.LSTM | nn.LSTMCell):
        return ProjectedLSTMCell(*four, w["weight_hr"]) if "weight_hr" in w else LSTMCell(*four)
    if isinstance(module, nn.GRU | nn.GRUCell):
        return GRUCell(*four)
    assert isinstance(module, nn.RNN | nn.RNNCell)
    return ElmanCell(*four, nonlinearity=module.nonlinearity)

"""Find recurrent layers by torch's names of tensors: `rnn.weight_ih_l0` for a layer, `rnn.weight_ih` for a cell."""

import re
from collections import defaultdict
from collections.abc import Mapping

import torch
from torch import Tensor

from experiments.errors import ConfigError
from experiments.weights.found import FoundStack, spelt_layer
from experiments.weights.torch_file import is_dense

NAME = re.compile(
    r"(?P<module>(?:.*\.)?)(?P<kind>weight_ih|weight_hh|weight_hr|bias_ih|bias_hh)"
    r"(?:_l(?P<layer>\d{1,4})(?P<reverse>_reverse)?)?"
)
DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
"""Types of weights that mean what they say: int8 and float8 need a scale that is elsewhere in the file."""
CELL_OF_BLOCKS = {1: "elman", 3: "gru", 4: "lstm"}
"""Number of gates in a weight → the cell; torch has no others."""


def find_stacks(tensors: Mapping[str, Tensor]) -> list[FoundStack]:
    """Every recurrent layer, in the order of the file; missing biases are zero.

    The weights do not tell an Elman layer's nonlinearity: it is assumed to be tanh, torch's default.

    Raises:
        ConfigError: a projection, or weights of a recurrent layer that do not fit each other.
    """
    modules: dict[str, dict[str, Tensor]] = defaultdict(dict)
    for name, tensor in tensors.items():
        if found := NAME.fullmatch(name):
            suffix = f"_l{found['layer'] or 0}{found['reverse'] or ''}"
            modules[found["module"].rstrip(".")][found["kind"] + suffix] = tensor
    return [stack_of(name, weights) for name, weights in modules.items()]


def stack_of(name: str, weights: dict[str, Tensor]) -> FoundStack:
    """One layer from its weights in torch's names."""
    if any(kind.startswith("weight_hr") for kind in weights):
        raise ConfigError(f"{spelt_layer(name)} has a projection (proj_size); choose a layer without one.")
    for kind, tensor in weights.items():
        if not is_dense(tensor):
            raise ConfigError(f"{spelt_layer(name)}: {kind} is not a dense tensor; save dense weights.")
        if tensor.dtype not in DTYPES:
            raise ConfigError(
                f"{spelt_layer(name)}: {kind} has numbers of {spelt_dtype(tensor.dtype)}; they must be of "
                f"{', '.join(map(spelt_dtype, DTYPES))}."
            )
    recurrent = weights.get("weight_hh_l0")
    if recurrent is None or recurrent.ndim != 2 or 0 in recurrent.shape:
        raise ConfigError(f"{spelt_layer(name)} has no matrix weight_hh; choose a file that holds the whole layer.")
    rows, hidden = recurrent.shape
    if rows % hidden or rows // hidden not in CELL_OF_BLOCKS:
        raise ConfigError(
            f"{spelt_layer(name)}: weight_hh has the shape {[rows, hidden]}; it must have 1, 3 or 4 times as many "
            "rows as columns."
        )
    cell = CELL_OF_BLOCKS[rows // hidden]
    said = "torch's order of gates" if cell != "elman" else "tanh assumed; the file does not say the nonlinearity"
    return FoundStack(name, cell, {kind: tensor.detach() for kind, tensor in weights.items()}, said)


def spelt_dtype(dtype: torch.dtype) -> str:
    """A dtype without its module's name."""
    return str(dtype).removeprefix("torch.")

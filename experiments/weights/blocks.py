"""Reorder gates from another program's order to torch's."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray

TORCH_ORDER = {"elman": ("h",), "lstm": ("i", "f", "g", "o"), "gru": ("r", "z", "n")}
KERAS_ORDER = {"elman": ("h",), "lstm": ("i", "f", "g", "o"), "gru": ("z", "r", "n")}
ONNX_ORDER = {"elman": ("h",), "lstm": ("i", "o", "f", "g"), "gru": ("z", "r", "n")}


def in_torch_order(rows: Float[ndarray, "row ..."], cell: str, order: Sequence[str]) -> Float[ndarray, "row ..."]:
    """The same weight with its row blocks, one per gate, in torch's order."""
    blocks = dict(zip(order, np.split(rows, len(order)), strict=True))
    return np.concatenate([blocks[gate] for gate in TORCH_ORDER[cell]])

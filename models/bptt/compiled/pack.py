"""A cell's weights as one matrix a gate, W = [W_hh, b, W_ih], and gradients of such matrices by their torch names."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.bptt.compiled.cells import ELMAN, GRU, GRU_RESET_BEFORE, LSTM
from models.cells.cell import Cell
from models.cells.elman.step import ElmanCell
from models.cells.gru.step import GRUCell
from models.cells.lstm.step import LSTMCell

Matrices = NDArray[np.floating[Any]]

NONLINEARITIES = {"tanh": 0, "relu": 1, "identity": 2}


@dataclass(frozen=True)
class Layout:
    """Which of W's blocks hold the rows of `weight_ih`, and which those of `weight_hh`, in torch's order of gates."""

    code: int
    inputs: list[int]
    hidden: list[int]
    num_gates: int
    num_states: int = 1
    nonlinearity: int = 0

    @property
    def blocks(self) -> int:
        """Number of matrices."""
        return max(self.inputs + self.hidden) + 1


def layout_of(cell: Cell) -> Layout:
    """The layout of a cell with its options."""
    if isinstance(cell, ElmanCell):
        return Layout(ELMAN, [0], [0], num_gates=0, nonlinearity=NONLINEARITIES[cell.nonlinearity])
    if isinstance(cell, LSTMCell):
        return Layout(LSTM, [0, 1, 2, 3], [0, 1, 2, 3], num_gates=4, num_states=2)
    if isinstance(cell, GRUCell) and cell.reset_after:  # r multiplies W_hn h' + b_hn alone: a block of its own
        return Layout(GRU, [0, 1, 2], [0, 1, 3], num_gates=4)
    return Layout(GRU_RESET_BEFORE, [0, 1, 2], [0, 1, 2], num_gates=3)


def pack(cell: Cell, layout: Layout) -> Matrices:
    """W: [gate, hidden, hidden + 1 + input], with both biases in its middle column."""
    parts = (cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh)
    weight_ih, weight_hh, bias_ih, bias_hh = (p.detach().numpy() for p in parts)
    H, I = weight_hh.shape[1], weight_ih.shape[1]
    W = np.zeros((layout.blocks, H, H + 1 + I), weight_hh.dtype)
    W[layout.hidden, :, :H] = weight_hh.reshape(-1, H, H)
    W[layout.hidden, :, H] += bias_hh.reshape(-1, H)
    W[layout.inputs, :, H] += bias_ih.reshape(-1, H)
    W[layout.inputs, :, H + 1 :] = weight_ih.reshape(-1, H, I)
    return W


def unpack(dW: Matrices, layout: Layout) -> dict[str, Tensor]:
    """Parameter name → its gradient."""
    _, H, columns = dW.shape
    gradients = {
        "weight_ih": dW[layout.inputs, :, H + 1 :].reshape(-1, columns - H - 1),
        "weight_hh": dW[layout.hidden, :, :H].reshape(-1, H),
        "bias_ih": dW[layout.inputs, :, H].reshape(-1),
        "bias_hh": dW[layout.hidden, :, H].reshape(-1),
    }
    return {name: torch.from_numpy(gradient) for name, gradient in gradients.items()}

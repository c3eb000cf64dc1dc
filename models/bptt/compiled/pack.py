"""A cell's weights as one matrix per product, W = [W_hh, b, W_ih], and gradients of such matrices by their names."""

import functools
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.cells.cell import Cell
from models.cells.packing import Packing

Matrices = NDArray[np.floating[Any]]
Vectors = NDArray[np.floating[Any]]

LINE = 64
"""Bytes of a cache line."""


@functools.cache
def block_index(matrices: tuple[int, ...]) -> slice | list[int]:
    """The index of these matrices: a slice where they are neighbours, which takes a third of the time."""
    neighbours = range(matrices[0], matrices[0] + len(matrices))
    return slice(neighbours.start, neighbours.stop) if matrices == tuple(neighbours) else list(matrices)


def pack(cell: Cell, packing: Packing) -> Matrices:
    """W: [matrix, hidden, hidden + 1 + input], with both biases in its middle column."""
    parts = (cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh)
    weight_ih, weight_hh, bias_ih, bias_hh = (p.numpy() for p in parts)
    H, I = weight_hh.shape[-1], weight_ih.shape[1]
    W = np.zeros((packing.blocks, H, H + 1 + I), weight_hh.dtype)
    if packing.hidden:
        W[block_index(packing.hidden), :, :H] = weight_hh.reshape(-1, H, H)
    W[block_index(packing.of_bias_hh), :, H] = bias_hh.reshape(-1, H)
    with np.errstate(invalid="ignore"):  # Inf − Inf, in a file's weights, is the NaN that the reference has, too
        W[block_index(packing.of_bias_ih), :, H] += bias_ih.reshape(-1, H)
    W[block_index(packing.inputs), :, H + 1 :] = weight_ih.reshape(-1, H, I)
    if packing.bare_input is not None:
        W[packing.bare_input, :, H + 1 :] = np.eye(H, dtype=W.dtype)
    return W


def transposed(W: Matrices) -> Matrices:
    """Its matrices transposed, with columns more that nobody reads: each row begins an odd number of cache lines after
    the last. At a power of two, one column's numbers would share a few of the cache's places: half as fast. Torch's
    memory begins at a cache line."""
    P, H, columns = W.shape
    of_line = LINE // W.itemsize
    lines = -(-H // of_line) | 1
    WT: Matrices = torch.empty(P, columns, lines * of_line, dtype=torch.from_numpy(W).dtype).numpy()
    WT[:, :, :H] = W.transpose(0, 2, 1)
    return WT


def pack_vectors(cell: Cell, packing: Packing) -> Vectors:
    """The parameters that multiply unit by unit, one below the other: [row, hidden]."""
    H = cell.hidden_size
    parts = [getattr(cell, name).numpy().reshape(-1, H) for name in packing.vectors]
    return np.concatenate(parts) if parts else np.empty((0, H), cell.weight_hh.numpy().dtype)


def unpack(dW: Matrices, dv: Vectors, cell: Cell, packing: Packing) -> dict[str, Tensor]:
    """Parameter name → its gradient."""
    _, H, columns = dW.shape
    gradients: dict[str, NDArray[Any]] = {
        "weight_ih": dW[block_index(packing.inputs), :, H + 1 :].reshape(-1, columns - H - 1)
    }
    if packing.hidden:
        gradients["weight_hh"] = dW[block_index(packing.hidden), :, :H].reshape(-1, H)
    gradients["bias_ih"] = dW[block_index(packing.of_bias_ih), :, H].reshape(-1)
    gradients["bias_hh"] = dW[block_index(packing.of_bias_hh), :, H].reshape(-1)
    first = 0
    for name in packing.vectors:
        shape = getattr(cell, name).shape
        last = first + shape.numel() // H
        gradients[name] = dv[first:last].reshape(shape)
        first = last
    return {name: torch.from_numpy(np.ascontiguousarray(gradient)) for name, gradient in gradients.items()}

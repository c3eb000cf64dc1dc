"""Attention of a decoder over an encoder's states: α_i = softmax_i(score(query, h_i)), context = Σ_i α_i h_i.

dot        score = q·h_i, with q = s_t: read after the step, for its output        (Luong et al. 2015, §3.1)
bahdanau   score = v·tanh(W q + U h_i + b), with q = s_{t−1}: read before the step, as a part of its input
           (Bahdanau et al. 2015, A.1.2)
"""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from models.cells.nonlinearity import tanh
from models.networks.initialise import uniform_

States = Float[Tensor, "source batch unit"]
Queries = Float[Tensor, "target batch unit"]
Weights = Float[Tensor, "target batch source"]
Padding = Bool[Tensor, "source batch"] | None


class Attention(nn.Module, ABC):
    """The attention of a decoder: the weights with which it reads the encoder's states."""

    feeds: ClassVar[bool]
    """Whether the context is a part of the step's input, and the query the state before it; else the output reads the
    context, and the query is the state after the step."""

    @abstractmethod
    def scores(self, queries: Queries, states: States) -> Weights:
        """One number per query and state; the larger, the more is read."""

    def forward(self, queries: Queries, states: States, padding: Padding = None) -> tuple[Queries, Weights]:
        """The contexts and the weights that they were read with; padding is not read."""
        return read(self.scores(queries, states), states, padding)


def read(scores: Weights, states: States, padding: Padding) -> tuple[Queries, Weights]:
    """softmax over the source, and the states' mean with these weights."""
    if padding is not None:
        scores = scores.masked_fill(padding.T, -torch.inf)
    weights = torch.softmax(scores, dim=-1)
    contexts = torch.bmm(weights.transpose(0, 1), states.transpose(0, 1)).transpose(0, 1)
    return contexts, weights


class DotAttention(Attention):
    """score = q·h_i: it has no weights."""

    feeds: ClassVar[bool] = False

    def __init__(self, size: int, generator: torch.Generator | None, dtype: torch.dtype | None) -> None:
        super().__init__()

    def scores(self, queries: Queries, states: States) -> Weights:
        """q·h_i."""
        return torch.bmm(queries.transpose(0, 1), states.permute(1, 2, 0)).transpose(0, 1)


class BahdanauAttention(Attention):
    """score = v·tanh(W q + U h_i + b)."""

    feeds: ClassVar[bool] = True

    def __init__(self, size: int, generator: torch.Generator | None, dtype: torch.dtype | None) -> None:
        super().__init__()
        self.query = nn.Linear(size, size, bias=False, dtype=dtype)
        self.key = nn.Linear(size, size, dtype=dtype)
        self.score = nn.Linear(size, 1, bias=False, dtype=dtype)
        uniform_(self, size, generator)

    def scores(self, queries: Queries, states: States) -> Weights:
        """v·tanh(W q + U h_i + b)."""
        return additive_scores(self.query(queries), self.key(states), self.score.weight)


def additive_scores(
    queries: Queries, keys: States, v: Float[Tensor, "1 unit"] | Float[Tensor, "batch unit"]
) -> Weights:
    """v·tanh(query + key), one query and one key after the other; v may be another one per sequence."""
    return (tanh(queries[:, None] + keys) * v).sum(-1).transpose(1, 2)


ATTENTIONS: dict[str, type[DotAttention] | type[BahdanauAttention]] = {
    "dot": DotAttention,
    "bahdanau": BahdanauAttention,
}

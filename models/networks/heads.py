"""Heads: from the top layer's h_t to the outputs."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.func import functional_call

from models.bptt.lengths import padding
from models.cells.nonlinearity import tanh
from models.networks.initialise import uniform_

Features = Float[Tensor, "time batch feature"]
Outputs = Float[Tensor, "*sample output"]
AnyFeatures = Float[Tensor, "*sample feature"]
Lengths = Int64[Tensor, " batch"] | None


class Head(nn.Module, ABC):
    """The readout of the top layer. Its last output is the answer about the whole sequence."""

    at_each_step: ClassVar[bool] = True
    """Whether the output at t reads h_t alone; otherwise all steps have one answer from the whole sequence."""

    @abstractmethod
    def forward(self, features: AnyFeatures, lengths: Lengths = None) -> Outputs:
        """The outputs at every timestep."""

    def read_with(self, weights: Mapping[str, Tensor], features: AnyFeatures, lengths: Lengths = None) -> Outputs:
        """The outputs with these weights, by their names, instead of its own."""
        outputs: Tensor = functional_call(self, dict(weights), (features, lengths))
        return outputs

    def reading(self, features: Features, lengths: Lengths = None) -> Float[Tensor, "reader batch time"] | None:
        """The weight of each h_t in the answer, summing to 1; None for a head that reads h_t alone."""
        return None


class LinearHead(nn.Linear, Head):
    """y_t = W h_t + b."""

    def forward(self, features: AnyFeatures, lengths: Lengths = None) -> Outputs:
        """The outputs at every timestep."""
        return nn.functional.linear(features, self.weight, self.bias)

    def read_with(self, weights: Mapping[str, Tensor], features: AnyFeatures, lengths: Lengths = None) -> Outputs:
        """The same, without `functional_call`, which would take longer than the product."""
        return nn.functional.linear(features, weights["weight"], weights["bias"])


class DenseHead(Head):
    """y_t = W relu(V h_t + a) + b: a linear readout after a dense layer."""

    def __init__(self, features: int, output_size: int, dense_size: int, dtype: torch.dtype | None = None) -> None:
        super().__init__()
        self.dense = nn.Linear(features, dense_size, dtype=dtype)
        self.output = nn.Linear(dense_size, output_size, dtype=dtype)

    def forward(self, features: AnyFeatures, lengths: Lengths = None) -> Outputs:
        """The outputs at every timestep."""
        outputs: Tensor = self.output(torch.relu(self.dense(features)))
        return outputs


class ReadingHead(Head):
    """y = W Σ_t α_t h_t + b: one answer, the same at every timestep."""

    at_each_step: ClassVar[bool] = False

    def __init__(self, features: int, output_size: int, dtype: torch.dtype | None = None) -> None:
        super().__init__()
        self.output = nn.Linear(features, output_size, dtype=dtype)

    @abstractmethod
    def scores(self, features: Features) -> Float[Tensor, "time batch"]:
        """e_t: softmax over time makes α_t of them."""

    def weights(self, features: Features, lengths: Lengths) -> Float[Tensor, "time batch"]:
        """α_t, zero in padding."""
        scores = self.scores(features)
        if lengths is not None:
            scores = scores.masked_fill(padding(len(features), lengths), -torch.inf)
        return torch.softmax(scores, dim=0)

    def forward(self, features: Features, lengths: Lengths = None) -> Outputs:
        """The answer, the same at every timestep."""
        context = (self.weights(features, lengths)[..., None] * features).sum(0)
        answer: Tensor = self.output(context)
        return answer.expand(len(features), *answer.shape)

    def reading(self, features: Features, lengths: Lengths = None) -> Float[Tensor, "reader batch time"]:
        """α_t of the one reader."""
        return self.weights(features, lengths).T[None]


class MeanHead(ReadingHead):
    """α_t = 1/T: the mean over time."""

    def scores(self, features: Features) -> Float[Tensor, "time batch"]:
        """All the same."""
        return features.new_zeros(features.shape[:-1])


class AttentionHead(ReadingHead):
    """Feed-forward attention: e_t = tanh(v·h_t + b), α = softmax(e) over t (Raffel & Ellis 2015, eqs. 2 and 5)."""

    def __init__(self, features: int, output_size: int, dtype: torch.dtype | None = None) -> None:
        super().__init__(features, output_size, dtype)
        self.score = nn.Linear(features, 1, dtype=dtype)

    def scores(self, features: Features) -> Float[Tensor, "time batch"]:
        """e_t."""
        return tanh(self.score(features)).squeeze(-1)


HEADS = ("linear", "dense", "attention", "mean")


def make_head(
    head: str,
    features: int,
    output_size: int,
    dense_size: int | None,
    generator: torch.Generator | None,
    dtype: torch.dtype | None,
) -> Head:
    """The head of that name, its weights drawn from U(−1/√inputs, 1/√inputs) as torch.nn.Linear draws them.

    Raises:
        ValueError: an unknown head, or a size below 1.
    """
    if head not in HEADS:
        raise ValueError(f"head was {head!r}; it must be one of {', '.join(HEADS)}.")
    if dense_size is not None and dense_size < 1:
        raise ValueError(f"dense_size was {dense_size}; it must be a whole number of at least 1.")
    made: Head
    if head == "linear":
        made = LinearHead(features, output_size, dtype=dtype)
    elif head == "dense":
        made = DenseHead(features, output_size, dense_size or features, dtype)
    else:
        made = (AttentionHead if head == "attention" else MeanHead)(features, output_size, dtype)
    for layer in made.modules():
        if isinstance(layer, nn.Linear):
            uniform_(layer, layer.in_features, generator)
    return made

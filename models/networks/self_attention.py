"""One layer of self-attention: no recurrence, so that every input is one step away from every later output."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from models.networks.initialise import uniform_


class SelfAttention(nn.Module):
    """z_t = W x_t + position_t,   α_t = softmax over k ≤ t of (Q z_t)·(K z_k)/√H,   y_t = R (z_t + Σ_k α_tk V z_k) + b.

    One head, causal, sinusoidal positions (Vaswani et al. 2017, §3.2.1 and §3.5).

    Args:
        input_size: numbers in an input.
        hidden_size: H.
        output_size: numbers in an output.
        generator: where the initial weights come from.
        dtype: what the weights are rounded to.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        output_size: int,
        *,
        generator: torch.Generator | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        H = hidden_size
        self.embed = nn.Linear(input_size, H, dtype=dtype)
        self.query, self.key, self.value = (nn.Linear(H, H, bias=False, dtype=dtype) for _ in range(3))
        self.readout = nn.Linear(H, output_size, dtype=dtype)
        for layer in self.children():
            if isinstance(layer, nn.Linear):
                uniform_(layer, layer.in_features, generator)

    def forward(self, inputs: Float[Tensor, "time batch input"]) -> Float[Tensor, "time batch output"]:
        """The outputs at every timestep."""
        z = self.embed(inputs) + positions(len(inputs), self.embed.out_features).to(inputs)[:, None]
        read = torch.einsum("tkb,kbh->tbh", self.weights(z), self.value(z))
        outputs: Tensor = self.readout(z + read)
        return outputs

    def weights(self, z: Float[Tensor, "time batch unit"]) -> Float[Tensor, "time read batch"]:
        """α: how much each timestep reads of itself and of each earlier one; each row adds up to 1."""
        scores = torch.einsum("tbh,kbh->tkb", self.query(z), self.key(z)) / math.sqrt(z.shape[-1])
        later = torch.ones(len(z), len(z), dtype=torch.bool, device=z.device).triu(1)
        return torch.softmax(scores.masked_fill(later[..., None], -math.inf), dim=1)


def positions(seq_len: int, size: int) -> Float[Tensor, "time unit"]:
    """sin and cos of t over wavelengths from 2π to 10000 · 2π, in turns; float64."""
    t = torch.arange(seq_len, dtype=torch.float64)[:, None]
    k = torch.arange(size)
    angle = t * 10_000.0 ** (-(2 * (k // 2)).double() / size)
    return torch.where(k % 2 == 0, torch.sin(angle), torch.cos(angle))

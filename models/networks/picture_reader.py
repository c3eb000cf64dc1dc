"""A small convolutional network: from a picture to a state for each of its places, and to the features of the whole."""

from math import isqrt

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from models.networks.initialise import he_uniform_, uniform_
from models.networks.self_attention import positions

COLOURS = 3
CHANNELS = (16, 32)
"""Channels of the first two convolutions."""
KERNEL = 3
GRID = 3
"""Parts of a picture in both directions whose means the features are made from."""

Picture = Float[Tensor, "place batch pixel"]


class PictureReader(nn.Module):
    """a_i = relu(three convolutions)_i,   m_i = relu(V (a_i + position_i) + b),   features = W [g_1, …, g_9] + c.

    The picture has n × n places of p × p pixels. The first convolution is followed by relu and the maximum over 2 × 2
    pixels, the second by relu; the third reads each place alone. The positions are the sines of self-attention. The g
    are the places' states, averaged over parts of a grid of 3 × 3: with n = 3 they are the states themselves.

    Args:
        input_size: numbers in a place: 3 · p · p, for red, green and blue, with an even p.
        size: numbers in a place's state m_i.
        feature_count: numbers in the features.
        generator: where the initial weights come from.
        dtype: what the weights are rounded to.

    Raises:
        ValueError: an `input_size` that is no 3 · p · p with an even p.
    """

    def __init__(
        self,
        input_size: int,
        size: int,
        feature_count: int,
        generator: torch.Generator | None,
        dtype: torch.dtype | None,
    ) -> None:
        super().__init__()
        self.side = p = isqrt(input_size // COLOURS)
        if COLOURS * p * p != input_size or p % 2 or p < 1:
            raise ValueError(
                f"input_size was {input_size}; it must be 3 · p · p numbers, a place of p × p pixels in three colours, "
                "with an even p."
            )
        few, more = CHANNELS
        self.edges = nn.Conv2d(COLOURS, few, KERNEL, padding=1, dtype=dtype)
        self.parts = nn.Conv2d(few, more, KERNEL, padding=1, dtype=dtype)
        self.things = nn.Conv2d(more, size, p // 2, stride=p // 2, dtype=dtype)
        self.places = nn.Linear(size, size, dtype=dtype)
        self.whole = nn.Linear(GRID * GRID * size, feature_count, dtype=dtype)
        for layer in (self.edges, self.parts, self.things, self.places):
            he_uniform_(layer, generator)
        uniform_(self.whole, self.whole.in_features, generator)

    def forward(self, picture: Picture) -> tuple[Float[Tensor, "place batch unit"], Float[Tensor, "batch feature"]]:
        """The state of each place, row by row, and the features of the whole picture."""
        x = functional.max_pool2d(torch.relu(self.edges(self.arrange(picture))), 2)
        x = torch.relu(self.things(torch.relu(self.parts(x))))
        places = x.flatten(2).permute(2, 0, 1)
        where = positions(len(places), places.shape[-1]).to(places.dtype)[:, None]
        places = torch.relu(self.places(places + where))
        grid = places.permute(1, 2, 0).unflatten(-1, x.shape[-2:])
        return places, self.whole(functional.adaptive_avg_pool2d(grid, GRID).flatten(1))

    def arrange(self, picture: Picture) -> Float[Tensor, "batch colour row column"]:
        """The places, in which a colour's rows of pixels stand one after the other, beside and below each other."""
        n, p = isqrt(len(picture)), self.side
        places = picture.view(n, n, -1, COLOURS, p, p)
        return places.permute(2, 3, 0, 4, 1, 5).reshape(-1, COLOURS, n * p, n * p)


def reader_size(input_size: int, size: int, feature_count: int) -> int:
    """Numbers in all weights of a `PictureReader`, computed without making one."""
    few, more = CHANNELS
    half = isqrt(input_size // COLOURS) // 2
    convolutions = KERNEL**2 * few * (COLOURS + more) + few + more + more * half**2 * size + size
    return convolutions + size * (size + 1) + feature_count * (GRID * GRID * size + 1)

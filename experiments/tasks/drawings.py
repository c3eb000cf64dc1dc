"""Small pictures: shapes, and digits that people wrote."""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from experiments.tasks.digit_pictures import load_digit_pictures

SIZE = 8
"""Pixels of a drawing, in both directions."""
SHAPES = ("square", "circle", "triangle", "cross")
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
COLOURS = {"red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1), "yellow": (1, 1, 0)}
HELD_OUT = 5
"""Of so many written digits one is never trained on."""

Images = Float[Tensor, "image 8 8"]


def draw_shapes() -> Images:
    """The shapes in the order of `SHAPES`: 1 where there is ink."""
    y, x = torch.meshgrid(torch.arange(SIZE) - 3.5, torch.arange(SIZE) - 3.5, indexing="ij")
    inside = {
        "square": (x.abs() < 3) & (y.abs() < 3),
        "circle": x**2 + y**2 < 14,
        "triangle": x.abs() <= (y + 4) / 2,
        "cross": (x.abs() < 1) | (y.abs() < 1),
    }
    return torch.stack([inside[shape] for shape in SHAPES]).double()


def load_written_digits(task: str, held_out: bool) -> tuple[Images, Int[Tensor, " image"]]:
    """Digits that people wrote, and which digit each is: 1438 to train on, or the 359 others.

    Args:
        task: which needs them; for the error.
        held_out: whether to take those that are never trained on.

    Raises:
        ConfigError: the package that the digits come with is missing.
    """
    images, digits = load_digit_pictures(task)
    theirs = np.arange(len(images)) % HELD_OUT == HELD_OUT - 1
    mine = theirs if held_out else ~theirs
    return torch.from_numpy(images[mine]), torch.from_numpy(digits[mine]).long()


def shift(drawings: Float[Tensor, "*sample 8 8"], down: Tensor, right: Tensor, side: int) -> Tensor:
    """Each drawing on a sheet of `side` × `side` pixels, at a distance from its top and from its left edge."""
    r, c = (torch.arange(side, device=drawings.device) - by[..., None] for by in (down, right))
    rows = drawings.gather(-2, r.clamp(0, SIZE - 1)[..., None].expand(*r.shape, SIZE))
    whole = rows.gather(-1, c.clamp(0, SIZE - 1)[..., None, :].expand(*r.shape, side))
    there = [(at >= 0) & (at < SIZE) for at in (r, c)]
    return whole * (there[0][..., None] & there[1][..., None, :])

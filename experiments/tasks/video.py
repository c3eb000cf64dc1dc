"""Video: a handwritten digit moves and bounces; say at each frame which wall it hit last, and whether it got faster."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from experiments.tasks.classification import Classification
from experiments.tasks.digit_pictures import SIDE, load_digit_pictures
from experiments.tasks.task import LossPosition

FRAME = 16
"""Pixels of a frame's side."""
FARTHEST = FRAME - SIDE
"""Places of a digit along each side: 0 … 8."""
ROUND = 2 * FARTHEST
"""Pixels from one wall to the other and back."""
WALLS = ("none", "left", "right", "top", "bottom")
SPEEDS = 3
"""Pixels per frame in each direction: 1, 2 or 3."""
CHANGES = 0.05
"""Share of frames from the third on before which the speed changes."""
CARD = 0.25
"""Brightness of the card that a digit is printed on: its edges are seen, whatever the digit's shape."""


@dataclass(frozen=True)
class Motion:
    """Where a digit is, how fast it moves, and what it has done; each a whole number, or an array of them."""

    across: Int[Tensor, "..."]
    """Place on the way to the right wall and back, 0 … 15: the card is at x = across, or on its way back at 16 − it."""
    along: Int[Tensor, "..."]
    """The same from the top to the bottom and back."""
    speed: Int[Tensor, "..."]
    """1 … 3 in both directions."""
    wall: Int[Tensor, "..."]
    """The wall that was hit last, in the order of WALLS."""
    faster: Int[Tensor, "..."]
    """1 if the last change of speed was to a greater one."""

    def move(self) -> "Motion":
        """One frame later at the same speed. Where two walls are hit in one frame the side wall counts."""
        across, along = self.across + self.speed, self.along + self.speed
        wall = torch.where(along >= ROUND, 3, torch.where(passes_middle(self.along, along), 4, self.wall))
        wall = torch.where(across >= ROUND, 1, torch.where(passes_middle(self.across, across), 2, wall))
        return replace(self, across=across % ROUND, along=along % ROUND, wall=wall)

    def change_speed(self, up_by: Int[Tensor, "..."]) -> "Motion":
        """The speed after a change: `up_by` is 1 or 2, and the speeds follow each other in a ring; 0 for no change."""
        speed = (self.speed - 1 + up_by) % SPEEDS + 1
        return replace(self, speed=speed, faster=torch.where(up_by == 0, self.faster, (speed > self.speed).long()))

    @property
    def label(self) -> Int[Tensor, "..."]:
        """The class: the wall, and whether it got faster."""
        return 2 * self.wall + self.faster


def passes_middle(before: Int[Tensor, "..."], after: Int[Tensor, "..."]) -> Bool[Tensor, "..."]:
    """Whether the digit arrives at the far wall or turns there."""
    return (before < FARTHEST) & (after >= FARTHEST)


def place_at(way: Int[Tensor, "..."]) -> Int[Tensor, "..."]:
    """The pixel where a card begins, 0 … 8, from its place on the way forth and back."""
    return FARTHEST - (way - FARTHEST).abs()


class Video(Classification):
    """Two questions about every frame of a film (moving digits are those of Srivastava, Mansimov & Salakhutdinov 2015).

    Inputs, T frames of 16 by 16 pixels, 256 channels: a handwritten digit of scikit-learn on a grey card of 8 by 8,
    which moves diagonally, 1, 2 or 3 pixels a frame, and bounces off the walls. Before each frame from the third on the
    speed changes with probability .05, to either of the other two. Targets, one per frame, of 10 classes: the wall that
    was hit last, or none, and whether the last change of speed was to a greater one.
    """

    name = "video"
    input_size = FRAME * FRAME
    output_size = 2 * len(WALLS)
    default_loss_position: LossPosition = "every"
    asks = "both answers of every frame together"

    def __init__(self) -> None:
        pictures, _ = load_digit_pictures(self.name)
        self._cards = torch.from_numpy(CARD + (1 - CARD) * pictures)

    def sample(
        self, batch_size: int, seq_len: int, generator: torch.Generator, dtype: torch.dtype = torch.float32
    ) -> tuple[Float[Tensor, "time batch 256"], Int[Tensor, "time batch"]]:
        """Frames, row after row of pixels, and their classes."""
        B, device = batch_size, generator.device

        def whole(low: int, high: int) -> Int[Tensor, " batch"]:
            return torch.randint(low, high + 1, (B,), generator=generator, device=device)

        cards = self._cards.to(device)[whole(0, len(self._cards) - 1)].to(dtype)
        nothing = torch.zeros(B, dtype=torch.int64, device=device)
        motion = Motion(whole(0, ROUND - 1), whole(0, ROUND - 1), whole(1, SPEEDS), nothing, nothing)
        frames = torch.zeros(seq_len, B, FRAME, FRAME, dtype=dtype, device=device)
        labels = torch.empty(seq_len, B, dtype=torch.int64, device=device)
        batch, side = torch.arange(B, device=device).view(B, 1, 1), torch.arange(SIDE, device=device)
        for t in range(seq_len):
            if t > 1:  # two frames show the first speed
                changes = torch.rand(B, dtype=torch.float64, generator=generator, device=device) < CHANGES
                motion = motion.change_speed(torch.where(changes, whole(1, SPEEDS - 1), 0))
            if t > 0:
                motion = motion.move()
            rows, columns = (place_at(way).view(B, 1) + side for way in (motion.along, motion.across))
            frames[t][batch, rows.unsqueeze(2), columns.unsqueeze(1)] = cards
            labels[t] = motion.label
        return frames.flatten(2), labels

    def symbols(self, inputs: Float[Tensor, "time 256"]) -> list[str]:
        """The column and the row where the card begins."""
        frames = inputs.unflatten(1, (FRAME, FRAME)) > 0
        columns, rows = (frames.any(axis).int().argmax(1).tolist() for axis in (1, 2))
        return [f"{x}, {y}" for x, y in zip(columns, rows, strict=True)]

    def answer_word(self, answer: float) -> str:
        """The wall, and whether it got faster."""
        wall, faster = divmod(int(answer), 2)
        return f"{WALLS[wall]}, faster" if faster else WALLS[wall]

    def chance(self, seq_len: int, position: LossPosition | None = None) -> float:
        """Entropy of the class at a frame (nats), their mean over the frames or that of `last`; by enumeration."""
        p = class_shares(seq_len)
        entropies = -(p * np.log(p, where=p > 0, out=np.zeros_like(p))).sum(1)
        return float(entropies[-1] if position == "last" else entropies.mean())

    def guess_accuracy(self, seq_len: int) -> float:
        """The mean over the frames of the most frequent class's share."""
        return float(class_shares(seq_len).max(1).mean())


STEADY = 400
"""Frames after which the shares of the classes stay as they are."""


TOGETHER = 50
"""Frames whose shares are counted at a time."""


def class_shares(seq_len: int) -> Float[np.ndarray, "time class"]:
    """The probability of each class at each frame, which is the same however long the video is."""
    known = count_shares(min(-(-seq_len // TOGETHER) * TOGETHER, STEADY))[:seq_len]
    return np.concatenate([known, known[-1:].repeat(seq_len - len(known), 0)])


@lru_cache(maxsize=STEADY // TOGETHER)
def count_shares(frames: int) -> Float[np.ndarray, "time class"]:
    """The probability of each class at each frame: all motions there are, each with its probability, moved on together.

    p_{t+1}(m') = Σ_m p_t(m) Σ_c P(c) [m' = move(change(m, c))], and no change before the second frame.
    """
    sizes = (ROUND, ROUND, SPEEDS, len(WALLS), 2)
    across, along, speed, wall, faster = torch.cartesian_prod(*(torch.arange(size) for size in sizes)).T
    every = Motion(across, along, speed + 1, wall, faster)
    p = (every.label == 0).double()
    p /= p.sum()
    following = [every.change_speed(torch.tensor(up_by)).move() for up_by in range(SPEEDS)]
    places = [place_of(motion, sizes) for motion in following]
    probabilities = torch.tensor([1 - CHANGES, *[CHANGES / (SPEEDS - 1)] * (SPEEDS - 1)], dtype=torch.float64)
    shares = []
    for t in range(frames):
        shares.append(torch.bincount(every.label, p, 2 * len(WALLS)))
        moved = torch.stack([torch.bincount(place, p, len(p)) for place in places])
        p = moved[0] if t == 0 else probabilities @ moved
    counted: np.ndarray = torch.stack(shares).numpy()
    return counted


def place_of(motion: Motion, sizes: tuple[int, ...]) -> Int[Tensor, " motion"]:
    """Each motion's place in the list of all."""
    parts = (motion.across, motion.along, motion.speed - 1, motion.wall, motion.faster)
    place = torch.zeros_like(motion.across)
    for part, size in zip(parts, sizes, strict=True):
        place = place * size + part
    return place

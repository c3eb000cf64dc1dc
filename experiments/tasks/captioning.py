"""Captioning: a picture, and a sentence that says what is where."""

from itertools import combinations

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from experiments.tasks.classification import one_hot
from experiments.tasks.drawings import COLOURS, DIGITS, SHAPES, SIZE, draw_shapes, load_written_digits, shift
from experiments.tasks.sentences import Sentences
from experiments.tasks.task import Task

ROWS, COLUMNS = ("top", "middle", "bottom"), ("left", "centre", "right")
PLACES = len(ROWS) * len(COLUMNS)
SIDE = 10
"""Pixels of a place, in both directions: a drawing of 8 has room to move."""
MOST_THINGS = 3
ARTICLE, COMMA, AND, END, GO = "a", ",", "and", ".", "→"
PHRASE = 6
"""Words for a thing: "a red circle top left", and a comma, "and" or the end sign."""


class Captioning(Sentences):
    """A picture of 1 to T coloured things, T at most 3 → "a red circle top left and a blue seven middle centre ."

    The picture has 3 × 3 places of 10 × 10 pixels in red, green and blue. A thing is one of 4 shapes or, as often, a
    digit that somebody wrote (scikit-learn's 1797 small images); it stands 0 to 2 pixels from its place's top and left
    edges. The sentence names the things row by row. One fifth of the digits are kept for `unseen`.

    Inputs, 9 + 6 T timesteps, 300 channels: the places row by row, each colour's pixels after the other; then the words
    that a decoder reads, one-hot in the first channels: a go sign and all of the target but its last word (teacher
    forcing). Targets, at the last timesteps: the words, then end signs.
    """

    name = "captioning"
    input_size = len(next(iter(COLOURS.values()))) * SIDE * SIDE
    output_size = 1 + len(COLOURS) + len(SHAPES) + len(DIGITS) + len(ROWS) + len(COLUMNS) + 3
    shows_picture = True
    asks = "the words of the caption and its end"

    def __init__(self, held_out: bool = False) -> None:
        self.words = (ARTICLE, *COLOURS, *SHAPES, *DIGITS, *ROWS, *COLUMNS, COMMA, AND, END, GO)
        self._digits, self._which = load_written_digits(self.name, held_out)
        self._shapes = draw_shapes()
        channel = {word: number for number, word in enumerate(self.words)}
        self.end, self._go, self._comma, self._and = (channel[word] for word in (END, GO, COMMA, AND))
        self._colour, self._shape, self._digit, self._row, self._column = (
            channel[next(iter(words))] for words in (COLOURS, SHAPES, DIGITS, ROWS, COLUMNS)
        )

    @property
    def unseen(self) -> Task:
        """The same with digits that training does not see."""
        return type(self)(held_out=True)

    def length(self, seq_len: int) -> int:
        """The places, then the words of T things."""
        return PLACES + PHRASE * self.things(seq_len)

    def source(self, seq_len: int) -> int:
        """The 9 places."""
        return PLACES

    def things(self, seq_len: int) -> int:
        """The most things in a picture: T, at most 3."""
        return min(seq_len, MOST_THINGS)

    def sample(
        self, batch_size: int, seq_len: int, generator: torch.Generator, dtype: torch.dtype = torch.float32
    ) -> tuple[Float[Tensor, "time batch 300"], Int[Tensor, "target batch"]]:
        """Pictures and words, and the word to say at each timestep of the target."""
        B, device = batch_size, generator.device

        def draw(below: int, *shape: int) -> Tensor:
            return torch.randint(0, below, shape, generator=generator, device=device)

        count = 1 + draw(self.things(seq_len), B)
        order = torch.rand(PLACES, B, generator=generator, device=device, dtype=torch.float64).argsort(0)
        there = order.argsort(0) < count
        colour, shape, is_digit = (draw(below, PLACES, B) for below in (len(COLOURS), len(SHAPES), 2))
        image = draw(len(self._digits), PLACES, B)
        down, right = draw(SIDE - SIZE + 1, PLACES, B), draw(SIDE - SIZE + 1, PLACES, B)

        ink = torch.where(
            is_digit[..., None, None] == 1, self._digits.to(device)[image], self._shapes.to(device)[shape]
        )
        ink = shift(ink * there[..., None, None], down, right, SIDE).flatten(2)
        light = torch.tensor([*COLOURS.values()], dtype=ink.dtype, device=device)[colour]
        picture = (light[..., None] * ink[:, :, None]).flatten(2).to(dtype)

        kind = torch.where(is_digit == 1, self._digit + self._which.to(device)[image], self._shape + shape)
        targets = self.describe(there, self._colour + colour, kind, self.things(seq_len))
        go = torch.full((1, B), self._go, device=device)
        return torch.cat([picture, one_hot(torch.cat([go, targets[:-1]]), self.input_size, dtype)]), targets

    def describe(
        self, there: Bool[Tensor, "place batch"], colour: Tensor, kind: Tensor, most: int
    ) -> Int[Tensor, "target batch"]:
        """The words, from the places that have a thing and the words for its colour and kind."""
        place = torch.arange(PLACES, device=there.device)[:, None].expand_as(there)
        number, last = there.cumsum(0) - 1, there.sum(0) - 1
        joint = torch.where(number == last, self.end, torch.where(number == last - 1, self._and, self._comma))
        words = [torch.zeros_like(place), colour, kind, self._row + place // 3, self._column + place % 3, joint]
        targets = torch.full((PHRASE * most, there.shape[1]), self.end, device=there.device)
        b = torch.nonzero(there)[:, 1]
        for k, word in enumerate(words):
            targets[PHRASE * number[there] + k, b] = word[there]
        return targets

    def symbols(self, inputs: Float[Tensor, "time input"]) -> list[str]:
        """The picture's places by their names, then the words."""
        places = [f"{row} {column}" for row in ROWS for column in COLUMNS]
        return [*places, *super().symbols(inputs[PLACES:])]

    def picture(self, values: Float[Tensor, "time input"]) -> Float[Tensor, "row column colour"]:
        """The places beside and below each other."""
        places = values[:PLACES].reshape(len(ROWS), len(COLUMNS), -1, SIDE, SIDE)
        return places.permute(0, 3, 1, 4, 2).reshape(len(ROWS) * SIDE, len(COLUMNS) * SIDE, -1)

    def matters(self, inputs: Float[Tensor, "time input"]) -> Bool[Tensor, " time"]:
        """All but the empty places."""
        return inputs.any(-1)

    def sentence(self, said: Int[Tensor, " target"]) -> str:
        """The words up to the first end sign."""
        words = [self.words[word] for word in said.tolist()]
        return " ".join(words[: words.index(END) + 1] if END in words else words)

    def shares(self, seq_len: int, asked: bool) -> Float[np.ndarray, "target word"]:
        """By enumeration of the places that the things of a picture may have: 9 for one, 36 for two, 84 for three."""
        most = self.things(seq_len)
        kinds = np.zeros(len(self.words))
        kinds[self._shape : self._digit] = 1 / (2 * len(SHAPES))
        kinds[self._digit : self._row] = np.bincount(self._which.numpy()) / (2 * len(self._which))
        p = np.zeros((PHRASE * most, self.output_size))
        for count in range(1, most + 1):
            ways = [*combinations(range(PLACES), count)]
            share = 1 / (most * len(ways))
            for thing, place in ((thing, place) for way in ways for thing, place in enumerate(way)):
                article, colour, kind, row, column, joint = p[PHRASE * thing : PHRASE * (thing + 1)]
                article[0] += share
                colour[self._colour : self._shape] += share / len(COLOURS)
                kind += share * kinds[: self.output_size]
                row[self._row + place // 3] += share
                column[self._column + place % 3] += share
                joint[{count - 1: self.end, count - 2: self._and}.get(thing, self._comma)] += share
            if not asked:
                p[PHRASE * count :, self.end] += 1 / most
        return p

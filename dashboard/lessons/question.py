"""The question of a lesson: several answers to choose from, or a curve to draw."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

Guess: TypeAlias = str | tuple[float, ...]
"""A choice's key, or a curve's values at the question's lags."""


def read_drawn_values(guess: Guess) -> tuple[float, ...]:
    """The values of a drawn curve.

    Raises:
        ValueError: the guess is the key of a choice.
    """
    if isinstance(guess, str):
        raise ValueError(f"the guess was the choice {guess!r}; it must be a drawn curve")
    return guess


@dataclass(frozen=True)
class Choices:
    """One of two to four answers."""

    asks: str
    answers: Mapping[str, str]
    """Key (a lower-case letter) → the answer in words."""

    def write(self, guess: Guess) -> str:
        """The guess as it stands in a link."""
        return str(guess)

    def read(self, text: str) -> Guess:
        """The guess of a link.

        Raises:
            ValueError: not one of the keys.
        """
        if text not in self.answers:
            raise ValueError(f"one of {', '.join(self.answers)}")
        return text


@dataclass(frozen=True)
class Curve:
    """A line to draw through (0, 1): its values at some lags, in decades (log₁₀)."""

    asks: str
    lags: tuple[int, ...]
    lowest: float
    highest: float
    step: float
    """Decades that a key moves a point by; what is drawn is rounded to it."""
    x_title: str
    y_title: str

    def write(self, guess: Guess) -> str:
        """The guess as it stands in a link: `p-1_-2.5_-4`."""
        return "p" + "_".join(f"{value:g}" for value in read_drawn_values(guess))

    def read(self, text: str) -> Guess:
        """The guess of a link.

        Raises:
            ValueError: not as many numbers as there are lags, or one outside of the picture.
        """
        allowed = f"p and {len(self.lags)} numbers from {self.lowest:g} to {self.highest:g} with _ between them"
        try:
            values = tuple(float(part) for part in text.removeprefix("p").split("_"))
        except ValueError:
            raise ValueError(allowed) from None
        right = len(values) == len(self.lags) and all(
            math.isfinite(v) and self.lowest <= v <= self.highest for v in values
        )
        if not right or not text.startswith("p"):
            raise ValueError(allowed)
        return tuple(self.rounded(value) for value in values)

    def rounded(self, value: float) -> float:
        """The nearest value that a key reaches, within the picture."""
        return min(max(round(value / self.step) * self.step, self.lowest), self.highest) + 0.0  # no −0

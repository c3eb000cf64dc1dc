"""The numbers that a user logs for each step, besides the recording."""

from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import SupportsFloat

from torch import Tensor

MOST_STEPS = 10_000
"""Most steps that are kept, for conditions on the last steps."""
TAKEN = ("step", "length", "seconds")
"""Names that the lines of a run already use."""


class Log:
    """The last steps' numbers: pairs of a step and its names and numbers."""

    def __init__(self) -> None:
        self.steps: deque[tuple[int, dict[str, float]]] = deque(maxlen=MOST_STEPS)

    def note(self, step: int, values: Mapping[str, object]) -> dict[str, float]:
        """Add numbers to a step, and give them back as plain ones.

        Raises:
            ValueError: a value is no number, or a name is already used.
        """
        plain = {name: plain_number(name, value) for name, value in values.items()}
        if not self.steps or self.steps[-1][0] != step:
            self.steps.append((step, {}))
        self.steps[-1][1].update(plain)
        return plain


def plain_number(name: str, value: object) -> float:
    """The number itself.

    Raises:
        ValueError: it is no number, or its name is already used.
    """
    if name in TAKEN:
        raise ValueError(f"{name} is a name that a run has already; log the number by another name.")
    number = value.detach() if isinstance(value, Tensor) else value
    if isinstance(number, SupportsFloat) and (not isinstance(number, Tensor) or number.numel() == 1):
        with suppress(TypeError, OverflowError, RuntimeError):  # an array of several, 10**400, a complex number
            return float(number)
    what = f"a tensor of the shape {tuple(value.shape)}" if isinstance(value, Tensor) else repr(value)
    raise ValueError(f"{name} was {what}; it must be a number.")

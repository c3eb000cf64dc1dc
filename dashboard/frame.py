"""What a page of live pictures shows for some values of its controls, computed only where it is looked at."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from analysis.figures.picture import Picture

Draw = Callable[[], Picture]
"""Computes a picture when it is called."""


@dataclass(frozen=True)
class Frame:
    """Pictures by the key of their chart, and the words beside them; none of them computed yet."""

    pictures: Mapping[str, Draw] = field(default_factory=dict)
    words: Callable[[], str] = str
    """Computes HTML of our own making: no text of a user's is in it."""


Lab = Callable[[Mapping[str, object]], Frame]
"""From the values that a browser sends, of any type, to what is shown. Raises ConfigError for values not allowed."""
